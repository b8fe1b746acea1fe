// make_digits_model DIR OUT.lamina: the whole-model container of what tools/train_digits.py wrote
// to DIR. The tree is the same as there.
#include <lamina/models/model.h>
#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/sequential.h>
#include <lamina/nn/simple_layers.h>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using namespace lamina;

std::shared_ptr<nn::Sequential> make_features() {
  auto features = std::make_shared<nn::Sequential>();
  std::int64_t in = 3;
  for (const std::int64_t out : {16, 32, 64}) {
    for (int i = 0; i < 2; ++i, in = out) {
      features->add(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
          .in_channels = in, .out_channels = out, .kernel_size = 3, .padding = 1}));
      features->add(std::make_shared<nn::BatchNorm2d>(nn::BatchNormOptions{.num_features = out}));
      features->add(std::make_shared<nn::ReLU>(nn::ReLUOptions{.inplace = true}));
    }
    features->add(std::make_shared<nn::MaxPool2d>(
        nn::MaxPool2dOptions{.kernel_size = 2, .stride = nn::Size2(2)}));
  }
  return features;
}

std::shared_ptr<nn::Sequential> make_digits() {
  auto classifier = std::make_shared<nn::Sequential>();
  classifier->add(std::make_shared<nn::Linear>(
      nn::LinearOptions{.in_features = 64 * 4 * 4, .out_features = 64}));
  classifier->add(std::make_shared<nn::ReLU>(nn::ReLUOptions{.inplace = true}));
  classifier->add(std::make_shared<nn::Dropout>());
  classifier->add(
      std::make_shared<nn::Linear>(nn::LinearOptions{.in_features = 64, .out_features = 10}));

  auto model = std::make_shared<nn::Sequential>();
  model->add("features", make_features());
  model->add("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(nn::Size2(4, 4)));
  model->add("flatten", std::make_shared<nn::Flatten>());
  model->add("classifier", classifier);
  return model;
}

void write_container(const std::filesystem::path& folder, const std::filesystem::path& out) {
  std::ifstream file(folder / "digits.json");
  const auto trained = nlohmann::json::parse(file);
  ModelInfo info;
  info.name = "digits";
  info.weights = "tools/train_digits.py";
  for (int digit = 0; digit < 10; ++digit) info.labels.push_back(std::to_string(digit));
  const auto mean = trained.at("mean").get<float>(), std = trained.at("std").get<float>();
  info.transforms = {.resize = trained.at("size").get<std::int64_t>(),
                     .crop = trained.at("size").get<std::int64_t>(),
                     .mean = {mean, mean, mean},
                     .std = {std, std, std}};
  info.metrics = {{"acc@1", trained.at("accuracy").get<double>()}};

  Model model(make_digits(), info);
  model.load_state_dict(load(folder / "digits.safetensors"));
  model.eval();
  save(model, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: make_digits_model DIR OUT.lamina\n");
    return 2;
  }
  try {
    write_container(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_digits_model: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
