#include "nn/session/cuda/plan.h"

#include "core/checked_math.h"
#include "core/require.h"
#include "kernels/cuda/e4m3.h"

#include <algorithm>

namespace lamina::nn::detail {
namespace {

namespace cuda = kernels::cuda;
using cuda::Format;
using kernels::Layout;

constexpr std::int64_t kAlignment = 256;  // as cudaMalloc gives it: 16-byte accesses and full lines
constexpr std::int64_t kVectorBytes = 16;

// [n, c, spatial] of a value; of a rank other than 4 all behind the batch is "c".
struct Extents {
  std::int64_t c, spatial;
};

Extents extents_of(const Shape& shape) {
  if (shape.rank() == 4) return {shape[1], shape[2] * shape[3]};
  return {shape[0] > 0 ? shape.numel() / shape[0] : 0, 1};
}

std::int64_t bytes_of_value(const CudaValue& value) {
  std::int64_t count = value.shape.numel();
  if (value.format.c_stored > 0) {
    count = count / std::max<std::int64_t>(value.shape[1], 1) * value.format.c_stored;
  }
  const auto bytes = checked_mul(count, std::int64_t{cuda::bytes_of(value.element())});
  LAMINA_REQUIRE(bytes.has_value(), "[session] an activation of shape {} does not fit",
                 value.shape);
  return round_up(std::max<std::int64_t>(*bytes, 1), kAlignment);
}

// Beyond what calibration has seen: a bit of e4m3's range, which is wide, and nothing of its
// digits.
constexpr float kHeadroom = 2;

// What each step reads. In fp8 that is e4m3 where the step takes it and its input's range is known,
// else bf16. The last step's errors are the answer's own, and it costs little: bf16 too. A step
// that only moves values reads what the next one does.
std::vector<CudaNumbers> numbers_read(const std::vector<PlanNode>& nodes, const Shape& input,
                                      const CudaContext& context) {
  const bool fp8 = context.precision == cuda::Precision::fp8;
  const CudaNumbers plain{fp8 ? cuda::Element::bf16 : cuda::element_of(context.precision)};
  std::vector<CudaNumbers> read(nodes.size(), plain);
  if (!fp8) return read;
  Shape shape = input;
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
    const auto range = context.input_ranges.find(nodes[i].name);
    if (range != context.input_ranges.end() && nodes[i].op->takes_e4m3(context, shape)) {
      read[i] = {cuda::Element::e4m3, cuda::e4m3_scale(range->second, kHeadroom)};
    }
    shape = nodes[i].op->output_shape(shape);
  }
  for (std::size_t i = nodes.size() - 1; i-- > 0;) {
    if (nodes[i].op->keeps_values()) read[i] = read[i + 1];
  }
  return read;
}

// In what format a step reads a value that now is in `current`.
Format wanted_format(const Op& op, const CudaValue& current, const CudaNumbers& numbers) {
  const cuda::Element element = numbers.element;
  Format wanted{.element = element, .layout = current.format.layout, .scale = numbers.scale};
  if (current.shape.rank() != 4) return {.element = element, .scale = numbers.scale};
  if (op.layout_need() == LayoutNeed::nchw) wanted.layout = Layout::nchw;
  if (op.layout_need() != LayoutNeed::nhwc) return wanted;
  wanted.layout = Layout::nhwc;
  if (current.format.layout == Layout::nhwc) return wanted;
  // The value is about to be written anew: 16 bytes of channels at a time can be read then.
  const std::int64_t vector = kVectorBytes / cuda::bytes_of(element);
  if (op.reads_padded_channels() && current.shape[1] % vector != 0) {
    wanted.c_stored = round_up(current.shape[1], vector);
  }
  return wanted;
}

CudaStep conversion(const CudaValue& from, const Format& to) {
  const auto enqueue = [from, to](const CudaRun& run) {
    const Extents extents = extents_of(from.shape);
    cuda::convert(run.stream, run.n, extents.c, extents.spatial, from.format, to, run.input,
                  run.output);
  };
  return {.enqueue = enqueue, .output = to};
}

std::string what_changes(const Format& from, const Format& to) {
  if (from.layout == to.layout && to.element == cuda::Element::e4m3) return "to_fp8";
  return to.layout == Layout::nhwc ? "to_nhwc" : "to_nchw";
}

bool is_plain_f32(const Format& format) { return format == Format{}; }

}  // namespace

CudaPlan::CudaPlan(const std::vector<PlanNode>& nodes, const Shape& input,
                   const CudaContext& context, std::size_t output_count)
    : input_(input) {
  place(nodes, context);
  lay_out_arena();
  keep_values(output_count);
  arena_ = cuda::DeviceMemory(arena_bytes_);
}

void CudaPlan::place(const std::vector<PlanNode>& nodes, const CudaContext& context) {
  CudaValue value{.shape = input_, .format = {}};
  const std::vector<CudaNumbers> read = numbers_read(nodes, input_, context);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const PlanNode& node = nodes[i];
    const Format wanted = wanted_format(*node.op, value, read[i]);
    // The first step always writes the arena, so that what follows never sees where inputs lie.
    if (steps_.empty() || wanted != value.format) {
      append_conversion(value, wanted, node.name);
      value.format = wanted;
    }
    value.result = i + 1 < nodes.size() ? read[i + 1] : CudaNumbers{};
    const Shape output = node.op->output_shape(value.shape);
    CudaStep step = node.op->on_cuda(context, value);
    CudaValue result{.shape = output, .format = step.output};
    if (output.rank() != 4) result.format.layout = Layout::nchw;
    steps_.push_back({.op = node.op.get(),
                      .name = node.name,
                      .what = node.op->what(),
                      .outputs = node.outputs,
                      .input = value,
                      .output = result,
                      .step = std::move(step)});
    value = std::move(result);
  }
}

void CudaPlan::append_conversion(const CudaValue& from, const Format& to, std::string name) {
  steps_.push_back({.op = nullptr,
                    .name = std::move(name),
                    .what = what_changes(from.format, to),
                    .outputs = {},
                    .input = from,
                    .output = {.shape = from.shape, .format = to},
                    .step = conversion(from, to)});
}

// Two values of the chain live at once: they grow from the arena's two ends, in turn. A step that
// writes nothing leaves its value where it is. The workspace lies behind.
void CudaPlan::lay_out_arena() {
  std::int64_t activations = 0, before = 0, workspace = 0;
  for (const CudaPlacedStep& placed : steps_) {
    if (!placed.step.enqueue) continue;
    const std::int64_t bytes = bytes_of_value(placed.output);
    activations = std::max(activations, before + bytes);
    before = bytes;
    workspace = std::max(workspace, placed.step.workspace_bytes);
  }
  bool at_front = true;
  std::int64_t offset = 0;
  for (CudaPlacedStep& placed : steps_) {
    placed.input_offset = offset;
    if (placed.step.enqueue) {
      offset = at_front ? 0 : activations - bytes_of_value(placed.output);
      at_front = !at_front;
    }
    placed.output_offset = offset;
  }
  workspace_offset_ = activations;
  arena_bytes_ = activations + round_up(workspace, kAlignment);
}

// Where users' values lie: the result where its step left it if that is what users see, all else in
// places of their own that later steps do not reach.
void CudaPlan::keep_values(std::size_t output_count) {
  values_.resize(1 + output_count);
  value_shapes_.resize(1 + output_count);
  const auto keep = [&](std::size_t i, std::size_t step, bool in_place) {
    values_[i] = {.step = step, .offset = steps_[step].output_offset, .in_place = in_place};
    value_shapes_[i] = steps_[step].output.shape;
    if (in_place) return;
    values_[i].offset = arena_bytes_;
    arena_bytes_ += bytes_of_value({.shape = steps_[step].output.shape, .format = {}});
  };
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    for (const std::size_t output : steps_[step].outputs) keep(1 + output, step, false);
  }
  const std::size_t last = steps_.size() - 1;
  keep(0, last, is_plain_f32(steps_[last].output.format));
}

void CudaPlan::enqueue_input(cuda::Stream& stream, const void* from, std::int64_t n) const {
  steps_.front().step.enqueue({.stream = stream,
                               .input = from,
                               .output = arena_.as<std::byte>() + steps_.front().output_offset,
                               .workspace = nullptr,
                               .n = n});
}

void CudaPlan::enqueue_steps(cuda::Stream& stream, std::int64_t n,
                             const std::function<void(std::size_t)>& after) const {
  auto* const arena = arena_.as<std::byte>();
  for (std::size_t i = 1; i < steps_.size(); ++i) {
    const CudaPlacedStep& placed = steps_[i];
    if (placed.step.enqueue) {
      placed.step.enqueue({.stream = stream,
                           .input = arena + placed.input_offset,
                           .output = arena + placed.output_offset,
                           .workspace = arena + workspace_offset_,
                           .n = n});
    }
    enqueue_kept(stream, i, n);
    if (after) after(i);
  }
}

void CudaPlan::enqueue_kept(cuda::Stream& stream, std::size_t step, std::int64_t n) const {
  const CudaValue& value = steps_[step].output;
  const Extents extents = extents_of(value.shape);
  for (const Kept& kept : values_) {
    if (kept.step != step || kept.in_place) continue;
    cuda::convert(stream, n, extents.c, extents.spatial, value.format, {},
                  arena_.as<std::byte>() + steps_[step].output_offset,
                  arena_.as<std::byte>() + kept.offset);
  }
}

std::int64_t CudaPlan::weight_bytes() const noexcept {
  std::int64_t total = 0;
  for (const CudaPlacedStep& placed : steps_) total += placed.step.weight_bytes;
  return total;
}

}  // namespace lamina::nn::detail
