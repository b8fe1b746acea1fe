// tiny_model write FILE: a model of one small layer, for what a call costs and leaks.
// tiny_model time FILE RUNS: microseconds of Session::run at batch 1, the least and the median.
#include <lamina/models/model.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/sequential.h>
#include <lamina/nn/session.h>
#include <lamina/nn/simple_layers.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>
#include <vector>

using namespace lamina;

namespace {

void write(const char* path) {
  const auto module = std::make_shared<nn::Sequential>();
  module->add(std::make_shared<nn::Flatten>());
  module->add(
      std::make_shared<nn::Linear>(nn::LinearOptions{.in_features = 192, .out_features = 4}));
  for (const auto& [name, value] : module->named_parameters()) {
    float* values = Tensor(value).mutable_data<float>();
    for (std::int64_t i = 0; i < value.numel(); ++i) values[i] = static_cast<float>(i % 7) - 3;
  }
  module->eval();
  save(Model(module, {.name = "tiny", .labels = {"a", "b", "c", "d"}}), path);
}

void time_runs(const char* path, int runs) {
  using Clock = std::chrono::steady_clock;
  Session session(load_model(path), {.device = "cpu", .threads = 1});
  const Tensor input = Tensor::full({1, 3, 8, 8}, 1);
  std::vector<double> times_us;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    const Tensor result = session.run(input);
    times_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(times_us.begin(), times_us.end());
  std::printf("%.3f %.3f\n", times_us.front(), times_us[times_us.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 2 ? argv[1] : "";
  try {
    if (command == "write") {
      write(argv[2]);
    } else if (command == "time" && argc > 3 && std::atoi(argv[3]) > 0) {
      time_runs(argv[2], std::atoi(argv[3]));
    } else {
      std::fputs("usage: tiny_model write FILE | time FILE RUNS\n", stderr);
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tiny_model: %s\n", error.what());
    return 1;
  }
  return 0;
}
