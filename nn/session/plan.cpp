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

// Without the padding between values of a whole batch.
std::int64_t image_bytes(const Shape& shape) {
  return shape.with(0, 1).numel() * static_cast<std::int64_t>(sizeof(float));
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

// How many images, and for how many steps: a step's input and output should fit the share of the
// cache that one may count on, and the weights, which are read once for each few images, should not
// weigh more than the values that stay there. VGG16 at 224x224: one image at a time up to the third
// pooling, or the layer before it. At batch 8 in int8 the convolutions take 13.5 ms an image, not
// 15.0, in float32 about 21, not 22 (Zen 5, November 2026).
Stretch Plan::choose_stretch() const {
  constexpr std::int64_t kCacheBytes = 16 * 1024 * 1024, kWeightsToValues = 3;
  const std::int64_t batch = input_[0];
  Stretch stretch;
  std::int64_t images = batch;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const PlacedStep& step = steps_[i];
    if (step.output.rank() != 4 || !step.op->takes_images_apart()) break;
    const std::int64_t bytes =
        value_bytes(step.input.with(0, 1)) + value_bytes(step.output.with(0, 1));
    images = std::min(images, std::max<std::int64_t>(kCacheBytes / bytes, 1));
    if (ceil_div(step.op->packed_bytes(), kWeightsToValues) > images * bytes) break;
    if (bytes > kCacheBytes / batch) stretch = {.steps = i + 1, .images = images};
  }
  // The next step finds whole images one after the other, each where vectors may begin.
  while (stretch.steps > 0 && image_bytes(steps_[stretch.steps - 1].output) % kAlignment != 0) {
    --stretch.steps;
  }
  return stretch.steps >= 2 && stretch.images < batch ? stretch : Stretch{};
}

// In a chain only two values live at once: what a step reads and what it writes. Even values grow
// from the front, odd ones from the back, so that the largest pair of neighbours is all the memory
// there need be. Returns where that ends.
std::int64_t Plan::place_chain(std::size_t begin, std::size_t end, std::int64_t images,
                               std::int64_t offset) {
  const auto bytes_of = [&](std::size_t i) {
    return value_bytes(steps_[i].output.with(0, images));
  };
  std::int64_t size = 0, before = 0;
  for (std::size_t i = begin; i < end; ++i) {
    size = std::max(size, before + bytes_of(i));
    before = bytes_of(i);
  }
  for (std::size_t i = begin; i < end; ++i) {
    steps_[i].output_offset = offset + (i % 2 == 0 ? 0 : size - bytes_of(i));
  }
  return offset + size;
}

// The values of the whole batch, which begin with the stretch's last one; then those of the few
// images within the stretch; then the workspace.
void Plan::lay_out_arena() {
  stretch_ = choose_stretch();
  const std::size_t within = stretch_.steps > 0 ? stretch_.steps - 1 : 0;
  std::int64_t end = place_chain(within, steps_.size(), input_[0], 0);
  end = place_chain(0, within, stretch_.images, end);
  std::int64_t workspace = 0;
  for (const PlacedStep& step : steps_) {
    workspace = std::max(workspace, step.op->workspace_bytes());
  }
  workspace_offset_ = end;
  arena_ = Tensor::empty(Shape{end + workspace}, DType::u8);
}

void Plan::run(const float* input, std::int64_t n, kernels::Exec exec, PlanWatch watch,
               const OutputSink& sink) {
  const float* value = input;
  if (stretch_.steps > 0) {
    const std::int64_t per_image = input_.numel() / input_[0];
    for (std::int64_t first = 0; first < n; first += stretch_.images) {
      const std::int64_t count = std::min(stretch_.images, n - first);
      run_steps(0, stretch_.steps, input + first * per_image, {first, count}, exec, watch, sink);
    }
    const auto* arena = static_cast<const std::byte*>(arena_.raw_data());
    value = reinterpret_cast<const float*>(arena + steps_[stretch_.steps - 1].output_offset);
  }
  run_steps(stretch_.steps, steps_.size(), value, {0, n}, exec, watch, sink);
}

void Plan::run_steps(std::size_t begin, std::size_t end, const float* value, ImageRange images,
                     kernels::Exec exec, PlanWatch watch, const OutputSink& sink) {
  using Clock = std::chrono::steady_clock;
  auto* arena = static_cast<std::byte*>(arena_.mutable_raw_data());
  for (std::size_t i = begin; i < end; ++i) {
    PlacedStep& step = steps_[i];
    const bool of_batch = i + 1 >= stretch_.steps;
    auto* output = reinterpret_cast<float*>(
        arena + step.output_offset + (of_batch ? images.first * image_bytes(step.output) : 0));
    if (watch.ranges && step.op->takes_input_range()) {
      const std::int64_t count = step.input.with(0, images.count).numel();
      step.seen_range = std::max(step.seen_range, largest_magnitude(value, count));
    }
    const auto start = watch.times ? Clock::now() : Clock::time_point();
    step.op->run({.input = value,
                  .output = output,
                  .workspace = arena + workspace_offset_,
                  .input_shape = step.input.with(0, images.count),
                  .layout = step.layout,
                  .exec = exec,
                  .input_range = step.input_range});
    if (watch.times) {
      step.time_ms += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    }
    value = output;
    if (!step.outputs.empty() || i + 1 == steps_.size()) sink(step, value, images);
  }
}

void Plan::reset_times() noexcept {
  for (PlacedStep& step : steps_) step.time_ms = 0;
}

}  // namespace lamina::nn::detail
