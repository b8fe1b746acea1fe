#include <lamina/nn/grad_cam.h>

#include <lamina/core/threads.h>
#include <lamina/nn/top_classes.h>

#include "core/linear_tap.h"
#include "core/require.h"
#include "nn/eval_mode.h"
#include "nn/input.h"
#include "nn/session/plan_builder.h"
#include "nn/session/run_alone.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

namespace lamina {
namespace {

using nn::detail::PlanBuilder;
using nn::detail::PlanNode;

std::string default_layer(const nn::Module& module) {
  for (const auto& [name, child] : module.named_children()) {
    if (name == "features" && !child->named_children().empty()) {
      return "features." + child->named_children().back().first;
    }
  }
  throw InvalidArgument("[grad_cam] the model has no 'features' whose last layer could be taken",
                        "name a layer that gives [n, c, h, w]");
}

void scale_to_one(std::span<float> values) {
  constexpr float kTiny = 1e-7F;  // keeps a map of equal values from 0 / 0
  const float least = *std::ranges::min_element(values);
  for (float& value : values) value -= least;
  const float largest = *std::ranges::max_element(values);
  for (float& value : values) value /= kTiny + largest;
}

Tensor resized(std::span<const float> map, std::int64_t h, std::int64_t w, std::int64_t height,
               std::int64_t width) {
  Tensor result = Tensor::empty({height, width});
  float* out = result.mutable_data<float>();
  std::vector<LinearTap> cols;
  for (std::int64_t x = 0; x < width; ++x) cols.push_back(linear_tap(x, width, w));
  for (std::int64_t y = 0; y < height; ++y) {
    const LinearTap row = linear_tap(y, height, h);
    for (const LinearTap& col : cols) {
      const auto along = [&](std::int64_t line) {
        const float* const values = map.data() + line * w;
        return values[col.first] * (1 - col.part) + values[col.second] * col.part;
      };
      *out++ = along(row.first) * (1 - row.part) + along(row.second) * row.part;
    }
  }
  return result;
}

Tensor weigh_channels(const Tensor& activation, const Tensor& gradient) {
  const std::int64_t channels = activation.size(1);
  const std::int64_t pixels = activation.size(2) * activation.size(3);
  std::vector<double> sums(static_cast<std::size_t>(pixels));
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto plane = static_cast<std::size_t>(c * pixels);
    const auto count = static_cast<std::size_t>(pixels);
    double weight = 0;
    for (const float value : gradient.values<float>().subspan(plane, count)) weight += value;
    weight /= static_cast<double>(pixels);
    const auto values = activation.values<float>().subspan(plane, count);
    for (std::size_t i = 0; i < count; ++i) sums[i] += weight * values[i];
  }
  Tensor map = Tensor::empty({activation.size(2), activation.size(3)});
  std::ranges::transform(sums, map.mutable_data<float>(),
                         [](double sum) { return sum <= 0 ? 0.0F : static_cast<float>(sum); });
  return map;
}

}  // namespace

struct GradCam::Impl {
  std::string layer;
  int threads = 1;
  std::vector<PlanNode> head, tail;  // up to the layer's output, and from there on

  Tensor run(PlanNode& node, const Tensor& input) const {
    return nn::detail::run_alone(
        *node.op, input,
        {.features = usable_cpu_features(), .threads = threads, .plain_sums = true});
  }

  // The gradient at tail's beginning; inputs[i] is what step i of it read.
  Tensor backward(const std::vector<Tensor>& inputs, Tensor gradient) const {
    for (std::size_t i = tail.size(); i-- > 0;) {
      Tensor before = Tensor::empty(inputs[i].shape());
      try {
        tail[i].op->input_gradient({.input = inputs[i].data<float>(),
                                    .input_shape = inputs[i].shape(),
                                    .output_gradient = gradient.data<float>(),
                                    .input_gradient = before.mutable_data<float>(),
                                    .exec = {.threads = threads}});
      } catch (const Unsupported& error) {
        throw Unsupported(fmt::format("{}: layer '{}'", error.what(), tail[i].name),
                          "every layer behind the one that is looked at needs one");
      }
      gradient = std::move(before);
    }
    return gradient;
  }
};

GradCam::GradCam(const nn::Module& module, const GradCamOptions& options)
    : impl_(std::make_unique<Impl>()) {
  LAMINA_REQUIRE(options.threads >= 0, "[grad_cam] threads={}", options.threads);
  nn::require_eval_mode("grad_cam", module);
  impl_->layer = options.layer.empty() ? default_layer(module) : options.layer;
  impl_->threads = options.threads > 0 ? options.threads : available_threads();
  impl_->head = PlanBuilder(module, {impl_->layer}).unfused();
  const auto layer =
      std::ranges::find_if(impl_->head, [](const PlanNode& node) { return !node.outputs.empty(); });
  LAMINA_REQUIRE(layer != impl_->head.end(), "[grad_cam] '{}' is inside a layer that runs whole",
                 impl_->layer);
  impl_->tail.assign(std::make_move_iterator(layer + 1),
                     std::make_move_iterator(impl_->head.end()));
  impl_->head.erase(layer + 1, impl_->head.end());
}

GradCam::~GradCam() = default;
GradCam::GradCam(GradCam&&) noexcept = default;
GradCam& GradCam::operator=(GradCam&&) noexcept = default;

const std::string& GradCam::layer() const { return impl_->layer; }

GradCamMap GradCam::explain(const Tensor& image, std::optional<std::int64_t> class_index) {
  Tensor value = nn::f32_input("grad_cam", image);
  LAMINA_REQUIRE(value.rank() >= 1 && value.size(0) == 1,
                 "[grad_cam] takes one image, [1, c, h, w], not {}", value.shape());
  for (PlanNode& node : impl_->head) value = impl_->run(node, value);
  return explain_activation(value, class_index);
}

GradCamMap GradCam::explain_activation(const Tensor& given,
                                       std::optional<std::int64_t> class_index) {
  const Tensor activation = nn::f32_input("grad_cam", given);
  LAMINA_REQUIRE(activation.rank() == 4 && activation.size(0) == 1 && activation.numel() > 0,
                 "[grad_cam] layer '{}' gives {}, and a map needs [1, c, h, w]", impl_->layer,
                 activation.shape());
  std::vector<Tensor> inputs;
  Tensor value = activation;
  for (PlanNode& node : impl_->tail) {
    inputs.push_back(value);
    value = impl_->run(node, value);
  }
  LAMINA_REQUIRE(value.rank() == 2 && value.numel() > 0,
                 "[grad_cam] the model gives {}, not [1, classes]", value.shape());
  const std::int64_t best =
      class_index ? *class_index : top_classes(value.values<float>(), 1).front().index;
  LAMINA_REQUIRE(best >= 0 && best < value.size(1), "[grad_cam] there is no class {} among {}",
                 best, value.size(1));
  Tensor gradient = Tensor::zeros(value.shape());
  gradient.mutable_data<float>()[best] = 1;
  gradient = impl_->backward(inputs, std::move(gradient));
  Tensor map = weigh_channels(activation, gradient);
  return {best, std::move(value), activation, std::move(gradient), std::move(map)};
}

Tensor scale_map(const Tensor& given, std::int64_t height, std::int64_t width) {
  const Tensor map = nn::f32_input("scale_map", given);
  LAMINA_REQUIRE(map.rank() == 2 && map.numel() > 0, "[scale_map] expected [h, w], got {}",
                 map.shape());
  LAMINA_REQUIRE(height >= 1 && width >= 1, "[scale_map] cannot scale to {} x {}", width, height);
  Tensor scaled = map.clone();
  const auto writable = [](Tensor& tensor) {
    return std::span(tensor.mutable_data<float>(), static_cast<std::size_t>(tensor.numel()));
  };
  scale_to_one(writable(scaled));
  Tensor result = resized(scaled.values<float>(), map.size(0), map.size(1), height, width);
  scale_to_one(writable(result));
  return result;
}

}  // namespace lamina
