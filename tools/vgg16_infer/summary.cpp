#include "tools/vgg16_infer/summary.h"

#include "tools/support/text.h"

#include <lamina/nn/summary.h>

#include <fmt/format.h>

namespace lamina::tools {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kDefaultSide = 224;
constexpr std::int64_t kFloatBytes = 4;

std::string count(std::int64_t value) { return value > 0 ? with_commas(value) : ""; }

std::string bytes(std::int64_t value) {
  return value > 0 ? human_bytes(static_cast<double>(value)) : "";
}

}  // namespace

std::string summary_text(const Model& model) {
  const std::int64_t crop = model.info().transforms.crop;
  const std::int64_t side = crop > 0 ? crop : kDefaultSide;
  const Shape input{1, kChannels, side, side};
  Table table({"layer", "type", "output", ">parameters", ">MACs", ">weights", ">activations"});
  table.add({"", "input", to_string(input), "", "", "", bytes(input.numel() * kFloatBytes)});
  std::int64_t parameters = 0, macs = 0;
  for (const nn::LayerSummary& layer : nn::summarize(model.module(), input)) {
    table.add({layer.name, layer.type, to_string(layer.output), count(layer.parameters),
               count(layer.macs), bytes(layer.parameters * kFloatBytes),
               bytes(layer.output.numel() * kFloatBytes)});
    parameters += layer.parameters;
    macs += layer.macs;
  }
  return fmt::format("{}\nparameters  {}\nMACs        {} ({:.2f} G) an image\nweights     {}\n",
                     table.text(), with_commas(parameters), with_commas(macs),
                     static_cast<double>(macs) * 1e-9,
                     human_bytes(static_cast<double>(parameters * kFloatBytes)));
}

}  // namespace lamina::tools
