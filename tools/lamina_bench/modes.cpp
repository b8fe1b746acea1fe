#include "tools/lamina_bench/modes.h"

#include "tools/support/failure.h"
#include "tools/support/interrupt.h"
#include "tools/vgg16_infer/image_queue.h"
#include "tools/vgg16_infer/inputs.h"

#include <lamina/nn/session.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

namespace lamina::tools {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

SessionOptions session_options(const Bench& bench) {
  return {.device = bench.options.device,
          .precision = bench.options.precision,
          .threads = bench.threads,
          .max_batch = bench.batch,
          .input_ranges = bench.subject.input_ranges(bench.options.precision)};
}

double macs_per_image(const Session& session) {
  double total = 0;
  for (const Session::Step& step : session.steps()) total += static_cast<double>(step.macs);
  return total;
}

void set_times(Row& row, const Samples& samples) {
  row.n = static_cast<std::int64_t>(samples.size());
  row.min_ms = samples.min();
  row.p50_ms = samples.percentile(50);
  row.p90_ms = samples.percentile(90);
  row.p99_ms = samples.percentile(99);
  row.spread_percent = samples.spread_percent();
}

// Shares are of what was measured of the device in this run, where that could be.
void set_rates(Row& row, double images_per_s, double macs, const Bench& bench) {
  row.images_per_s = images_per_s;
  if (macs == 0) return;
  row.gflops = 2 * macs * images_per_s * 1e-9;
  const std::optional<double> peak =
      row.device == "cpu" ? std::optional(bench.ceilings.fma_gflops) : bench.device_gflops;
  if (peak) row.peak_percent = 100 * *row.gflops / *peak;
}

Row begin_row(const Bench& bench, const Session& session, const char* mode) {
  Row row;
  row.device = to_string(session.device());
  row.precision = bench.options.precision;
  row.threads = bench.threads;
  row.batch = bench.batch;
  row.mode = mode;
  row.model = bench.subject.name();
  row.size = bench.subject.size();
  return row;
}

// Multiplications at their peak, or weights at the speed of memory, whichever takes longer.
std::optional<double> expected_ms(const Session::Step& step, const Bench& bench) {
  const double flops = step.expected_flops * static_cast<double>(bench.batch);
  if (flops == 0) return std::nullopt;
  return 1e3 * std::max(flops / (bench.ceilings.fma_gflops * 1e9),
                        step.expected_bytes / (bench.ceilings.read_gb_per_s * 1e9));
}

}  // namespace

std::vector<Row> measure_latency(const Bench& bench) {
  const Tensor batch = bench.subject.batch(bench.batch);
  const auto begin = Clock::now();
  Session session(bench.subject.model(), session_options(bench));
  const Tensor first = session.run(batch);
  const double prepare_ms = ms_since(begin);
  const double error = bench.subject.check(first);

  Samples on_device;
  const Samples samples = measure({.min_s = bench.options.min_s}, [&] {
    session.run(batch);
    on_device.add(session.device_ms());
  });
  Row row = begin_row(bench, session, "latency");
  set_times(row, samples);
  set_rates(row, 1e3 * static_cast<double>(bench.batch) / row.p50_ms, macs_per_image(session),
            bench);
  if (session.device().type == DeviceType::cuda) {
    row.gpu_min_ms = on_device.min();
    row.gpu_p50_ms = on_device.percentile(50);
  }
  row.load_ms = bench.subject.load_ms() + prepare_ms;
  row.peak_rss_mib = peak_rss_mib();
  row.max_rel_error = error;
  return {row};
}

std::vector<Row> measure_throughput(const Bench& bench) {
  const Tensor batch = bench.subject.batch(bench.batch);
  SessionOptions options = session_options(bench);
  options.threads = 1;
  std::vector<Session> sessions;
  double error = 0;
  for (int i = 0; i < bench.threads; ++i) {
    sessions.emplace_back(bench.subject.model(), options);
    error = std::max(error, bench.subject.check(sessions.back().run(batch)));
  }
  std::mutex mutex;
  Samples all;
  const auto begin = Clock::now();
  std::vector<std::jthread> threads;
  for (Session& session : sessions) {
    threads.emplace_back([&] {
      Samples own;
      while (ms_since(begin) < 1e3 * bench.options.min_s || own.size() < 3) {
        const auto before = Clock::now();
        session.run(batch);
        own.add(ms_since(before));
      }
      const std::lock_guard lock(mutex);
      all.add(own);
    });
  }
  threads.clear();
  const double seconds = ms_since(begin) * 1e-3;
  throw_if_interrupted();

  Row row = begin_row(bench, sessions.front(), "throughput");
  set_times(row, all);
  set_rates(row, static_cast<double>(bench.batch) * static_cast<double>(row.n) / seconds,
            macs_per_image(sessions.front()), bench);
  row.peak_rss_mib = peak_rss_mib();
  row.max_rel_error = error;
  return {row};
}

std::vector<Row> measure_load(const Bench& bench) {
  const Tensor batch = bench.subject.batch(bench.batch);
  Tensor logits;
  Samples loading;
  const Samples samples = measure({.min_s = bench.options.min_s, .least = 3}, [&] {
    const auto begin = Clock::now();
    const Model model = load_again(bench.options, bench.context);
    loading.add(ms_since(begin));
    Session session(model, session_options(bench));
    logits = session.run(batch);
  });
  Session session(bench.subject.model(), session_options(bench));
  Row row = begin_row(bench, session, "load");
  set_times(row, samples);
  row.load_ms = loading.percentile(50);
  row.peak_rss_mib = peak_rss_mib();
  row.max_rel_error = bench.subject.check(logits);
  return {row};
}

std::vector<Row> measure_layers(const Bench& bench) {
  const Tensor batch = bench.subject.batch(bench.batch);
  SessionOptions options = session_options(bench);
  options.profile = true;
  Session session(bench.subject.model(), options);
  const double error = bench.subject.check(session.run(batch));
  const std::vector<Session::Step> steps = session.steps();
  std::vector<Samples> times(steps.size());
  measure({.min_s = bench.options.min_s}, [&] {
    session.run(batch);
    const auto now = session.steps();
    for (std::size_t i = 0; i < now.size(); ++i) times[i].add(now[i].time_ms);
  });
  std::vector<Row> rows;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Row row = begin_row(bench, session, "layers");
    row.layer = steps[i].name;
    row.plan = steps[i].plan.empty() ? steps[i].what : steps[i].plan;
    set_times(row, times[i]);
    set_rates(row, 1e3 * static_cast<double>(bench.batch) / std::max(row.p50_ms, 1e-6),
              static_cast<double>(steps[i].macs), bench);
    row.images_per_s.reset();
    row.expected_ms = expected_ms(steps[i], bench);
    row.max_rel_error = error;
    rows.push_back(std::move(row));
  }
  return rows;
}

namespace {

// The next images of the queue as a batch, undefined behind the last.
Tensor next_batch(ImageQueue& queue, std::int64_t most) {
  std::vector<Tensor> images;
  while (static_cast<std::int64_t>(images.size()) < most) {
    const std::optional<ReadyImage> image = queue.next();
    if (!image) break;
    if (!image->error.empty()) throw Failure(ExitStatus::some_failed, image->error, image->hint);
    images.push_back(image->pixels);
  }
  if (images.empty()) return {};
  const Shape& one = images.front().shape();
  Tensor batch = Tensor::empty({static_cast<std::int64_t>(images.size()), one[0], one[1], one[2]});
  float* values = batch.mutable_data<float>();
  for (const Tensor& image : images) {
    values = std::copy_n(image.data<float>(), image.numel(), values);
  }
  return batch;
}

// Few pictures are taken again and again: a queue that runs empty measures its own beginning.
std::vector<Input> pictures(const Bench& bench) {
  InferOptions infer;
  infer.inputs = bench.options.images;
  infer.recursive = true;
  if (infer.inputs.empty()) {
    throw UsageError("no pictures: --mode e2e", "give some with -i FOLDER");
  }
  std::vector<Input> inputs = collect_inputs(infer, bench.context.console);
  for (const Input& input : inputs) {
    if (!input.error.empty()) throw UsageError(input.error);
  }
  constexpr std::int64_t kBatches = 32;
  const std::size_t different = inputs.size();
  while (static_cast<std::int64_t>(inputs.size()) < kBatches * bench.batch) {
    inputs.push_back(inputs[inputs.size() - different]);
  }
  return inputs;
}

}  // namespace

std::vector<Row> measure_e2e(const Bench& bench) {
  const std::vector<Input> inputs = pictures(bench);
  const vision::Transforms& transforms = bench.subject.model().info().transforms;
  if (transforms.crop == 0) throw UsageError("this model's images differ in size: --mode e2e");
  Session session(bench.subject.model(), session_options(bench));
  const double error = bench.subject.check(session.run(bench.subject.batch(bench.batch)));

  Samples samples;
  std::int64_t done = 0;
  const auto begin = Clock::now();
  while (done == 0 || ms_since(begin) < 1e3 * bench.options.min_s) {
    ImageQueue queue(inputs, {.transforms = transforms,
                              .decode = {},
                              .workers = bench.threads,
                              .ahead = static_cast<std::size_t>(2 * bench.batch + bench.threads)});
    for (;;) {
      throw_if_interrupted();
      const auto before = Clock::now();
      const Tensor batch = next_batch(queue, bench.batch);
      if (!batch.defined()) break;
      session.run(batch);
      done += batch.size(0);
      samples.add(ms_since(before));
    }
  }
  const double seconds = ms_since(begin) * 1e-3;
  Row row = begin_row(bench, session, "e2e");
  set_times(row, samples);
  set_rates(row, static_cast<double>(done) / seconds, macs_per_image(session), bench);
  row.peak_rss_mib = peak_rss_mib();
  row.max_rel_error = error;
  return {row};
}

}  // namespace lamina::tools
