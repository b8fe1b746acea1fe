// lamina-bench: how fast a model runs on this machine. docs/lamina-bench.md
#include "tools/lamina_bench/compare.h"
#include "tools/lamina_bench/modes.h"
#include "tools/lamina_bench/options.h"
#include "tools/lamina_bench/turns.h"
#include "tools/support/about.h"
#include "tools/support/failure.h"
#include "tools/support/output.h"
#include "tools/support/run_main.h"

#include <lamina/core/threads.h>

#include "core/cpu_features.h"

#include <map>
#include <memory>

namespace lamina::tools {
namespace {

using Measure = std::vector<Row> (*)(const Bench&);

Measure measure_of(const std::string& mode) {
  static const std::map<std::string, Measure> kMeasures{{"latency", measure_latency},
                                                        {"throughput", measure_throughput},
                                                        {"load", measure_load},
                                                        {"layers", measure_layers},
                                                        {"e2e", measure_e2e}};
  return kMeasures.at(mode);
}

// For each count of threads its ceilings, measured once and told.
Ceilings ceilings_for(int threads, const Context& context) {
  static std::map<int, Ceilings> known;
  const auto found = known.find(threads);
  if (found != known.end()) return found->second;
  const Ceilings ceilings = measure_ceilings(threads);
  context.console.note("{}, {}, {} threads: {:.0f} GFLOP/s in multiply-adds, {:.1f} GB/s read",
                       cpu_model_name(), to_string(usable_cpu_features().isa), threads,
                       ceilings.fma_gflops, ceilings.read_gb_per_s);
  return known.emplace(threads, ceilings).first->second;
}

std::optional<double> device_ceiling(Device device, const BenchOptions& options,
                                     const Context& context) {
  const auto gflops = measure_device_gflops(device, options.precision);
  if (gflops) {
    context.console.note("{}: {:.1f} TFLOP/s in {} matrix products by cuBLAS", to_string(device),
                         *gflops * 1e-3, options.precision);
  } else if (device.type == DeviceType::cuda) {
    context.console.detail("{}: no share of its peak is given, since this build has no cuBLAS",
                           to_string(device));
  }
  return gflops;
}

ExitStatus measure_all(const BenchOptions& options, const Context& context) {
  const Device device = check_device(options.device, options.precision);
  const std::optional<double> device_gflops = device_ceiling(device, options, context);
  Subject subject(options, context);
  const auto output =
      options.output.empty() ? Output::to_stdout() : Output::to_file(options.output);
  RowWriter writer(options.format);
  output->write(writer.begin());
  for (const std::string& mode : options.modes) {
    for (const std::int64_t given : options.threads) {
      const int threads = given > 0 ? static_cast<int>(given) : available_threads();
      const Ceilings ceilings = ceilings_for(threads, context);
      for (const std::int64_t batch : options.batches) {
        const Bench bench{options, context, subject, batch, threads, ceilings, device_gflops};
        for (const Row& row : measure_of(mode)(bench)) output->write(writer.row(row));
      }
    }
  }
  output->write(writer.end());
  output->finish();
  return ExitStatus::ok;
}

ExitStatus run(const BenchOptions& options, const Context& context) {
  if (context.command->name == "turns") return take_turns(options, context);
  if (context.command->name != "compare") return measure_all(options, context);
  if (options.compared.size() != 2) {
    throw UsageError("two files are compared: compare A B", "lamina-bench compare A B");
  }
  return compare_rows(options.compared[0], options.compared[1]);
}

}  // namespace
}  // namespace lamina::tools

int main(int argc, char** argv) {
  using namespace lamina::tools;
  BenchOptions options;
  return run_main(bench_command(options), argc, argv,
                  [&](Context& context) { return run(options, context); });
}
