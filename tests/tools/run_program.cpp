#include "tests/tools/run_program.h"

#include <lamina/models/model.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/sequential.h>
#include <lamina/nn/simple_layers.h>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include <sys/wait.h>

namespace lamina::test {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void fill(nn::Module& module) {
  std::uint32_t state = 12345;
  for (auto& [name, parameter] : module.named_parameters()) {
    float* values = parameter.mutable_data<float>();
    for (std::int64_t i = 0; i < parameter.numel(); ++i) {
      state = state * 1664525U + 1013904223U;
      values[i] = static_cast<float>(static_cast<int>(state >> 24) - 128) / 512.0F;
    }
  }
}

void save_tiny_model(const std::filesystem::path& path) {
  auto network = std::make_shared<nn::Sequential>();
  network
      ->add(std::make_shared<nn::Conv2d>(
          nn::Conv2dOptions{.in_channels = 3, .out_channels = 4, .kernel_size = 3, .padding = 1}))
      .add(std::make_shared<nn::ReLU>())
      .add(std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{}))
      .add(std::make_shared<nn::AdaptiveAvgPool2d>(4))
      .add(std::make_shared<nn::Flatten>())
      .add(std::make_shared<nn::Linear>(nn::LinearOptions{.in_features = 64, .out_features = 5}));
  fill(*network);
  network->eval();
  ModelInfo info;
  info.name = "tiny";
  info.weights = "formula";
  info.labels = {"c0", "c1", "c2", "c3", "c4"};
  info.transforms.resize = 16;
  info.transforms.crop = 16;
  save(Model(network, info), path);
}

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xFF);
}

// A 24-bit BMP.
std::string bmp(int width, int height, unsigned seed) {
  const auto row = static_cast<std::uint32_t>((width * 3 + 3) / 4 * 4);
  const std::uint32_t bytes = row * static_cast<std::uint32_t>(height);
  std::string out = "BM";
  append_u32(out, 54 + bytes);
  append_u32(out, 0);
  append_u32(out, 54);
  append_u32(out, 40);
  append_u32(out, static_cast<std::uint32_t>(width));
  append_u32(out, static_cast<std::uint32_t>(height));
  append_u32(out, 1 | 24 << 16);
  for (const std::uint32_t value : {0U, bytes, 2835U, 2835U, 0U, 0U}) append_u32(out, value);
  for (std::uint32_t i = 0; i < bytes; ++i) {
    out += static_cast<char>((i * (seed * 2 + 1) + seed * 37) >> 2 & 0xFF);
  }
  return out;
}

}  // namespace

Outcome run(const std::string& program, const std::vector<std::string>& arguments,
            const RunOptions& options) {
  const TemporaryFolder files;
  write_text(files / "in", options.input);
  std::string script;
  if (!options.directory.empty()) script += "cd " + quoted(options.directory) + "; ";
  script += "export LAMINA_OFFLINE=1; ";  // no test waits for half a gigabyte
  // What tests expect is what the processor gives; the emulated device does not look at this.
  script += "export CUDA_VISIBLE_DEVICES=; ";
  for (const std::string& variable : options.environment) {
    script += "export " + quoted(variable) + "; ";
  }
  script += options.before + " " + quoted(std::string(LAMINA_TEST_BIN) + "/" + program);
  for (const std::string& argument : arguments) script += " " + quoted(argument);
  script += " " + options.after;
  write_text(files / "script", script);
  const std::string command =
      fmt::format("sh {} < {} > {} 2> {}", (files / "script").string(), (files / "in").string(),
                  (files / "out").string(), (files / "err").string());
  const int ended = std::system(command.c_str());
  Outcome outcome;
  outcome.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
  outcome.out = read_text(files / "out");
  outcome.err = read_text(files / "err");
  return outcome;
}

Workplace::Workplace() {
  save_tiny_model(folder_ / "model.lamina");
  picture("a.bmp", 20, 30, 1);
  picture("b.bmp", 40, 16, 2);
  picture("c.bmp", 17, 17, 3);
}

std::string Workplace::picture(std::string_view name, int width, int height, unsigned seed) const {
  write_text(folder_ / name, bmp(width, height, seed));
  return *this / name;
}

Outcome Workplace::infer(std::vector<std::string> arguments, RunOptions options) const {
  arguments.insert(arguments.begin(), {"-m", "model.lamina"});
  options.directory = folder_.path().string();
  return run("vgg16-infer", arguments, options);
}

Outcome Workplace::convert(const std::vector<std::string>& arguments, RunOptions options) const {
  options.directory = folder_.path().string();
  return run("lamina-convert", arguments, options);
}

std::vector<std::string> Workplace::names() const {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    found.push_back(entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> list;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) list.push_back(line);
  return list;
}

}  // namespace lamina::test
