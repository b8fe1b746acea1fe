#include "triton/instance.h"

#include "core/require.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace lamina::triton {
namespace {

// The server's own clock: it takes differences between our times and its.
std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

SessionOptions session_options(const ServedModel& served, const std::string& device) {
  return {.device = device,
          .precision = served.config.precision,
          .threads = served.config.threads,
          .max_batch = std::max<std::int64_t>(1, served.config.max_batch),
          .input_ranges = served.model.info().input_ranges};
}

bool same_image(const Request& a, const Request& b) {
  return a.shape().with(0, 1) == b.shape().with(0, 1);
}

}  // namespace

Instance::Instance(const ServedModel& served, const std::string& device)
    : served_(served), session_(served.model, session_options(served, device)) {
  const ServingConfig& config = served.config;
  if (config.any_size()) return;
  session_.run(Tensor::zeros({std::max<std::int64_t>(1, config.max_batch), config.image[0],
                              config.image[1], config.image[2]}));
}

void Instance::execute(TRITONBACKEND_ModelInstance* handle,
                       std::span<TRITONBACKEND_Request* const> requests) {
  Times times{.start = now_ns()};
  std::deque<Request> all;  // a Request stays where it is
  for (TRITONBACKEND_Request* request : requests) all.emplace_back(request, served_.config);
  // One group, but for a model of any size: the server may mix sizes where it was told to.
  std::vector<Request*> left;
  for (Request& request : all) {
    if (!request.failed()) left.push_back(&request);
  }
  while (!left.empty()) {
    const auto others = std::stable_partition(left.begin(), left.end(), [&](const Request* other) {
      return same_image(*left.front(), *other);
    });
    run({left.begin(), others}, times);
    left.erase(left.begin(), others);
  }
  if (times.compute_start == 0) times.compute_start = times.compute_end = now_ns();

  const std::uint64_t end = now_ns();
  std::uint64_t images = 0;
  for (const Request& request : all) {
    request.report(handle, times.start, times.compute_start, times.compute_end, end);
    if (!request.failed()) images += static_cast<std::uint64_t>(request.shape()[0]);
  }
  if (images == 0) return;
  log_and_drop(TRITONBACKEND_ModelInstanceReportBatchStatistics(
      handle, images, times.start, times.compute_start, times.compute_end, end));
}

// Requests of one size of images.
void Instance::run(std::span<Request* const> requests, Times& times) noexcept {
  try {
    std::int64_t images = 0;
    for (const Request* request : requests) images += request->shape()[0];
    const Tensor batch = gather(requests, requests[0]->shape().with(0, images));
    if (times.compute_start == 0) times.compute_start = now_ns();
    const Tensor logits = run_session(batch);
    times.compute_end = now_ns();
    LAMINA_REQUIRE(logits.shape() == Shape({images, served_.config.classes}),
                   "[triton] the model gives {} for {} images", logits.shape(), images);
    std::span<const float> rows = logits.values<float>();
    for (Request* request : requests) {
      const std::size_t count =
          static_cast<std::size_t>(request->shape()[0] * served_.config.classes);
      request->answer(rows.first(count), served_.config);
      rows = rows.subspan(count);
    }
  } catch (...) {
    times.compute_end = now_ns();
    for (Request* request : requests) request->fail();
  }
}

// Of the sizes that a configuration leaves open, some are too small for a model.
Tensor Instance::run_session(const Tensor& batch) {
  try {
    return session_.run(batch);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(
        fmt::format("[triton] input '{}' is {}: {}", kInputName, batch.shape(), error.what()),
        error.hint());
  }
}

Tensor Instance::gather(std::span<Request* const> requests, const Shape& shape) {
  // A view of memory that the request holds until it is answered.
  const float* alone = requests.size() == 1 ? requests[0]->in_one_piece() : nullptr;
  if (alone != nullptr) return Tensor::wrap(alone, shape, DType::f32, nullptr);
  if (!batch_.defined() || batch_.numel() < shape.numel()) batch_ = Tensor::empty({shape.numel()});
  auto* to = batch_.mutable_data<float>();
  for (const Request* request : requests) {
    request->copy_to(to);
    to += request->shape().numel();
  }
  return Tensor::wrap(batch_.data<float>(), shape, DType::f32, nullptr);
}

std::string Instance::description() const {
  const Device device = session_.device();
  const std::string threads =
      device.type == DeviceType::cpu ? fmt::format(", {} threads", session_.threads()) : "";
  return fmt::format("{}{}, {}", lamina::to_string(device), threads, served_.config.precision);
}

}  // namespace lamina::triton
