// run_lpips WEIGHTS A.npy B.npy OUT.npy THREADS: LPIPS of pictures [n, 3, h, w] from -1 to 1.
// Writes f64 [n, 6], the distances and their stages; then for each line of stdin, a number of
// seconds, runs so long and prints {"ms": […]}. A helper of compare_with_lpips.py and
// tools/bench_lpips.py.
#include <lamina/models/lpips.h>
#include <lamina/serialization/npy.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace lamina;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void answer(models::Lpips& lpips, const Tensor& a, const Tensor& b, const std::string& path) {
  std::vector<double> values;
  for (const models::LpipsDistance& found : lpips.distances(a, b)) {
    values.push_back(found.distance);
    values.insert(values.end(), found.stages.begin(), found.stages.end());
  }
  serialization::save_npy(Tensor::from(values, {a.size(0), models::LpipsDistance::kStages + 1}),
                          path);
}

void take_turns(models::Lpips& lpips, const Tensor& a, const Tensor& b) {
  for (std::string line; std::getline(std::cin, line);) {
    const double most_ms = 1e3 * std::stod(line);
    std::string times;
    for (const auto begin = Clock::now(); times.empty() || ms_since(begin) < most_ms;) {
      const auto start = Clock::now();
      lpips.distances(a, b);
      times += (times.empty() ? "" : ", ") + std::to_string(ms_since(start));
    }
    std::cout << "{\"ms\": [" << times << "]}" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: run_lpips WEIGHTS A.npy B.npy OUT.npy THREADS\n");
    return 2;
  }
  try {
    const Model model = models::lpips_vgg16({.weights = argv[1]});
    models::Lpips lpips(model, {.device = "cpu", .threads = std::atoi(argv[5])});
    const Tensor a = serialization::load_npy(argv[2]), b = serialization::load_npy(argv[3]);
    answer(lpips, a, b, argv[4]);
    take_turns(lpips, a, b);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_lpips: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
