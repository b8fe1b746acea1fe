#include "triton/signature.h"

#include <lamina/core/error.h>
#include <lamina/nn/summary.h>

#include <fmt/ranges.h>

#include <algorithm>

namespace lamina::triton {
namespace {

// Where any size goes, classes are counted with this one: published networks take it.
constexpr std::int64_t kUsualSide = 224;

// Of the first convolution; 0 where there is none.
std::int64_t channels_of(const Model& model) {
  const auto parameters = model.module().named_parameters();
  const auto first = std::find_if(parameters.begin(), parameters.end(),
                                  [](const auto& named) { return named.second.rank() == 4; });
  return first == parameters.end() ? 0 : first->second.size(1);
}

}  // namespace

std::string to_string(const std::vector<std::int64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::int64_t classes_of(const Model& model, const std::vector<std::int64_t>& image) {
  std::vector<std::int64_t> batch{1};
  for (const std::int64_t size : image) batch.push_back(size < 0 ? kUsualSide : size);
  const auto layers = nn::summarize(model.module(), Shape(batch));
  if (layers.empty() || layers.back().output.rank() != 2) {
    throw Unsupported(
        fmt::format("[triton] the model gives {} for one picture, not [1, classes]",
                    layers.empty() ? "nothing" : lamina::to_string(layers.back().output)));
  }
  return layers.back().output[1];
}

Signature signature_of(const Model& model) {
  const std::int64_t channels = channels_of(model);
  if (channels == 0) throw Unsupported("[triton] the model has no convolution: no pictures go in");
  const std::int64_t crop = model.info().transforms.crop;
  const std::int64_t side = crop > 0 ? crop : -1;
  Signature signature{.image = {channels, side, side}};
  signature.classes = classes_of(model, signature.image);
  return signature;
}

}  // namespace lamina::triton
