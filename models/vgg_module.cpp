#include "models/vgg_module.h"

#include "core/require.h"
#include "nn/session/plan_builder.h"

#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/sequential.h>
#include <lamina/nn/simple_layers.h>

#include <algorithm>

namespace lamina::models {
namespace {

std::int64_t count_poolings(const nn::Module& features) {
  const auto modules = features.named_modules();
  return std::count_if(modules.begin(), modules.end(), [](const auto& entry) {
    return dynamic_cast<const nn::MaxPool2d*>(entry.second) != nullptr;
  });
}

}  // namespace

VGG::VGG(std::shared_ptr<nn::Module> features, std::shared_ptr<nn::Module> avgpool,
         std::shared_ptr<nn::Module> classifier)
    : features_(register_module("features", std::move(features))),
      avgpool_(register_module("avgpool", std::move(avgpool))),
      classifier_(register_module("classifier", std::move(classifier))),
      smallest_side_(std::int64_t{1} << std::min<std::int64_t>(count_poolings(*features_), 62)) {}

Tensor VGG::forward(const Tensor& input) const {
  check_size(input.shape());
  const Tensor pooled = (*avgpool_)((*features_)(input));
  return (*classifier_)(nn::Flatten().forward(pooled));
}

void VGG::lower(nn::detail::PlanBuilder& builder) const {
  builder.child("features", *features_);
  builder.child("avgpool", *avgpool_);
  nn::Flatten().lower(builder);
  builder.child("classifier", *classifier_);
}

// Other ranks are left to the first convolution, whose message fits them better.
void VGG::check_size(const Shape& input) const {
  LAMINA_REQUIRE(input.rank() != 4 || std::min(input[2], input[3]) >= smallest_side_,
                 "[vgg] input is {} pixels wide and {} high, each must be at least {} (input {})",
                 input[3], input[2], smallest_side_, input);
}

namespace detail {
namespace {

std::shared_ptr<nn::Module> make_features(const VggConfig& config) {
  auto features = std::make_shared<nn::Sequential>();
  std::int64_t in_channels = 3;
  for (const std::int64_t channels : config.layers) {
    if (channels == 0) {
      features->add(std::make_shared<nn::MaxPool2d>(
          nn::MaxPool2dOptions{.kernel_size = 2, .stride = nn::Size2(2)}));
      continue;
    }
    features->add(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
        .in_channels = in_channels, .out_channels = channels, .kernel_size = 3, .padding = 1}));
    if (config.batch_norm) {
      features->add(
          std::make_shared<nn::BatchNorm2d>(nn::BatchNormOptions{.num_features = channels}));
    }
    features->add(std::make_shared<nn::ReLU>(nn::ReLUOptions{.inplace = true}));
    in_channels = channels;
  }
  return features;
}

std::shared_ptr<nn::Module> make_classifier(std::int64_t num_classes, double dropout) {
  const auto linear = [](std::int64_t in, std::int64_t out) {
    return std::make_shared<nn::Linear>(nn::LinearOptions{.in_features = in, .out_features = out});
  };
  auto classifier = std::make_shared<nn::Sequential>();
  for (const std::int64_t in : {std::int64_t{512 * 7 * 7}, std::int64_t{4096}}) {
    classifier->add(linear(in, 4096));
    classifier->add(std::make_shared<nn::ReLU>(nn::ReLUOptions{.inplace = true}));
    classifier->add(std::make_shared<nn::Dropout>(nn::DropoutOptions{.p = dropout}));
  }
  classifier->add(linear(4096, num_classes));
  return classifier;
}

std::shared_ptr<nn::Module> vgg_from_spec(const nn::LayerSpec& spec,
                                          const nn::LayerRegistry& registry) {
  static constexpr std::string_view kChildren[] = {"features", "avgpool", "classifier"};
  const bool fits = std::equal(spec.children.begin(), spec.children.end(), std::begin(kChildren),
                               std::end(kChildren),
                               [](const auto& child, auto name) { return child.name == name; });
  if (!fits) {
    throw FormatError(FormatErrc::bad_field,
                      "[model] a VGG has the children features, avgpool, classifier");
  }
  const auto child = [&](std::size_t i) {
    return registry.make(spec.children[i].spec, spec.children[i].name);
  };
  return std::make_shared<VGG>(child(0), child(1), child(2));
}

}  // namespace

const std::vector<VggConfig>& vgg_configs() {
  static const std::vector<VggConfig> configs = [] {
    struct Column {
      std::string_view plain, batch_norm;
      std::vector<std::int64_t> layers;
    };
    const std::vector<Column> columns = {
        {"vgg11", "vgg11_bn", {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}},
        {"vgg13", "vgg13_bn", {64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}},
        {"vgg16",
         "vgg16_bn",
         {64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0}},
        {"vgg19", "vgg19_bn", {64,  64,  0,   128, 128, 0,   256, 256, 256, 256, 0,
                               512, 512, 512, 512, 0,   512, 512, 512, 512, 0}}};
    std::vector<VggConfig> result;
    for (const Column& column : columns) {
      result.push_back({column.plain, column.layers, false});
      result.push_back({column.batch_norm, column.layers, true});
    }
    return result;
  }();
  return configs;
}

std::shared_ptr<VGG> make_vgg(const VggConfig& config, std::int64_t num_classes, double dropout) {
  LAMINA_REQUIRE(num_classes > 0, "[vgg] num_classes is {}, expected at least 1", num_classes);
  return std::make_shared<VGG>(make_features(config),
                               std::make_shared<nn::AdaptiveAvgPool2d>(nn::Size2(7, 7)),
                               make_classifier(num_classes, dropout));
}

const nn::LayerRegistry& model_layers() {
  static const nn::LayerRegistry registry = [] {
    nn::LayerRegistry layers = nn::LayerRegistry::builtin();
    layers.add("VGG", vgg_from_spec);
    return layers;
  }();
  return registry;
}

}  // namespace detail
}  // namespace lamina::models
