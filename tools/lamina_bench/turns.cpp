#include "tools/lamina_bench/turns.h"

#include "tools/lamina_bench/ceilings.h"
#include "tools/lamina_bench/samples.h"
#include "tools/lamina_bench/subject.h"
#include "tools/support/failure.h"
#include "tools/support/output.h"

#include <lamina/core/threads.h>
#include <lamina/core/version.h>
#include <lamina/nn/session.h>
#include <lamina/serialization/npy.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <iostream>

namespace lamina::tools {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

int thread_count(std::int64_t given) {
  return given > 0 ? static_cast<int>(given) : available_threads();
}

double seconds_of(const std::string& line) {
  try {
    return std::stod(line);
  } catch (const std::exception&) {
    throw UsageError(fmt::format("\"{}\" is no number of seconds: stdin", line));
  }
}

}  // namespace

ExitStatus take_turns(const BenchOptions& options, const Context& context) {
  if (options.input.empty()) throw UsageError("no images: turns", "give --input FILE.npy");
  const Tensor images = serialization::load_npy(options.input);
  const auto begin = Clock::now();
  const Subject subject(options, context);
  const int threads = thread_count(options.threads.front());
  Session session(subject.model(), {.device = options.device,
                                    .precision = options.precision,
                                    .threads = threads,
                                    .max_batch = images.size(0),
                                    .input_ranges = subject.input_ranges(options.precision)});
  const Tensor logits = session.run(images);
  const double load_ms = ms_since(begin);
  if (!options.output.empty()) serialization::save_npy(logits, options.output);

  const auto output = Output::to_stdout();
  const auto say = [&](const std::string& line) { output->write(line + "\n"); };
  const Ceilings ceilings = measure_ceilings(threads);
  say(fmt::format(
      R"({{"version":"{}","load_ms":{:.1f},"fma_gflops":{:.1f},"read_gb_per_s":{:.1f}}})",
      version(), load_ms, ceilings.fma_gflops, ceilings.read_gb_per_s));
  for (std::string line; std::getline(std::cin, line);) {
    const double seconds = seconds_of(line);
    std::vector<double> ms;
    std::vector<double> gpu_ms;
    for (const auto start = Clock::now(); ms.empty() || ms_since(start) < 1e3 * seconds;) {
      const auto before = Clock::now();
      session.run(images);
      ms.push_back(ms_since(before));
      gpu_ms.push_back(session.device_ms());
    }
    say(fmt::format(R"({{"ms":[{:.4f}],"gpu_ms":[{:.4f}],"peak_rss_mib":{:.0f}}})",
                    fmt::join(ms, ","), fmt::join(gpu_ms, ","), peak_rss_mib()));
  }
  output->finish();
  return ExitStatus::ok;
}

}  // namespace lamina::tools
