#include "nn/session/plan.h"

#include "core/checked_math.h"
#include "core/require.h"
#include "core/storage.h"
#include "nn/session/copy_op.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace lamina::nn::detail {
namespace {

using kernels::Layout;

std::int64_t value_bytes(const Shape& shape) {
  const auto bytes = checked_mul(shape.numel(), std::int64_t{sizeof(float)});
  LAMINA_REQUIRE(bytes.has_value(), "[session] an activation of shape {} does not fit", shape);
  return round_up(std::max<std::int64_t>(*bytes, 1), std::int64_t{kAlignment});
}

Layout wanted_layout(const Op& op, const Shape& input, Layout current) {
  if (input.rank() != 4 || op.layout_need() == LayoutNeed::any) return current;
  return op.layout_need() == LayoutNeed::nhwc ? Layout::nhwc : Layout::nchw;
}

// Infinity where a value is not finite.
float largest_magnitude(const float* values, std::int64_t count) {
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float size = std::fabs(values[i]);
    if (!(size <= std::numeric_limits<float>::max())) return std::numeric_limits<float>::infinity();
    largest = std::max(largest, size);
  }
  return largest;
}

}  // namespace

Plan::Plan(std::vector<PlanNode>& nodes, const Shape& input, const PrepareContext& context)
    : input_(input) {
  place(nodes, context);
  lay_out_arena();
}

void Plan::place(std::vector<PlanNode>& nodes, const PrepareContext& context) {
  Shape value = input_;
  Layout layout = Layout::nchw;
  for (PlanNode& node : nodes) {
    const Layout wanted = wanted_layout(*node.op, value, layout);
    if (wanted != layout) {
      conversions_.push_back(std::make_unique<ConvertLayoutOp>(wanted));
      append(conversions_.back().get(), node.name, {}, value, layout, wanted, context);
      layout = wanted;
    }
    append(node.op.get(), node.name, node.outputs, value, layout, layout, context);
    value = steps_.back().output;
    // Flattened values are rows: their order is settled.
    if (value.rank() != 4) layout = Layout::nchw;
    steps_.back().output_layout = layout;
  }
}

void Plan::append(Op* op, std::string name, std::vector<std::size_t> outputs, const Shape& input,
                  Layout layout, Layout output_layout, const PrepareContext& context) {
  const Shape output = op->output_shape(input);
  op->prepare(context, input, layout);
  const auto range =
      op->takes_input_range() ? context.input_ranges.find(name) : context.input_ranges.end();
  steps_.push_back({.op = op,
                    .name = std::move(name),
                    .outputs = std::move(outputs),
                    .input = input,
                    .output = output,
                    .layout = layout,
                    .output_layout = output_layout,
                    .input_range = range == context.input_ranges.end() ? 0 : range->second});
}

// In a chain only two values live at once: what a step reads and what it writes. Even values grow
// from the arena's front, odd ones from its back, so that the largest pair of neighbours is all the
// memory there need be. The workspace lies behind.
void Plan::lay_out_arena() {
  std::int64_t activations = 0, before = 0, workspace = 0;
  for (const PlacedStep& step : steps_) {
    const std::int64_t bytes = value_bytes(step.output);
    activations = std::max(activations, before + bytes);
    before = bytes;
    workspace = std::max(workspace, step.op->workspace_bytes());
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    PlacedStep& step = steps_[i];
    step.output_offset = i % 2 == 0 ? 0 : activations - value_bytes(step.output);
  }
  workspace_offset_ = activations;
  arena_ = Tensor::empty(Shape{activations + workspace}, DType::u8);
}

void Plan::run(const float* input, std::int64_t n, kernels::Exec exec, PlanWatch watch,
               const OutputSink& sink) {
  using Clock = std::chrono::steady_clock;
  auto* arena = static_cast<std::byte*>(arena_.mutable_raw_data());
  const float* value = input;
  for (PlacedStep& step : steps_) {
    auto* output = reinterpret_cast<float*>(arena + step.output_offset);
    if (watch.ranges && step.op->takes_input_range()) {
      const std::int64_t count = step.input.with(0, n).numel();
      step.seen_range = std::max(step.seen_range, largest_magnitude(value, count));
    }
    const auto begin = watch.times ? Clock::now() : Clock::time_point();
    step.op->run({.input = value,
                  .output = output,
                  .workspace = arena + workspace_offset_,
                  .input_shape = step.input.with(0, n),
                  .layout = step.layout,
                  .exec = exec,
                  .input_range = step.input_range});
    if (watch.times) {
      step.time_ms += std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    }
    value = output;
    if (!step.outputs.empty() || &step == &steps_.back()) sink(step, value);
  }
}

void Plan::reset_times() noexcept {
  for (PlacedStep& step : steps_) step.time_ms = 0;
}

}  // namespace lamina::nn::detail
