// The ways to measure. Each gives rows for one pair of batch and threads.
#pragma once

#include "tools/lamina_bench/ceilings.h"
#include "tools/lamina_bench/options.h"
#include "tools/lamina_bench/row.h"
#include "tools/lamina_bench/samples.h"
#include "tools/lamina_bench/subject.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lamina::tools {

struct Bench {
  const BenchOptions& options;
  const Context& context;
  Subject& subject;
  std::int64_t batch;
  int threads;
  Ceilings ceilings;                    ///< of the processor with that many threads
  std::optional<double> device_gflops;  ///< the device's, where it is another and known
};

/// One pass after the other.
std::vector<Row> measure_latency(const Bench& bench);
/// A session of one thread on each thread, all of them sharing the weights.
std::vector<Row> measure_throughput(const Bench& bench);
/// From the file to the first answer, in a process that runs already.
std::vector<Row> measure_load(const Bench& bench);
/// Each step of the plan.
std::vector<Row> measure_layers(const Bench& bench);
/// From picture files, decoded beside the net.
std::vector<Row> measure_e2e(const Bench& bench);

}  // namespace lamina::tools
