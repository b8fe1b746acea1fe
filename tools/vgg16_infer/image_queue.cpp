#include "tools/vgg16_infer/image_queue.h"

#include "core/file_descriptor.h"
#include "tools/support/interrupt.h"

#include <lamina/core/threads.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <new>

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace lamina::tools {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Where all processors compute, a thread that decodes makes a layer wait for the one that it pushed
// aside; with less of a claim it works in the gaps, and when the net waits for pictures. On Linux a
// thread has a niceness of its own.
void give_way() {
  constexpr int kNicer = 10;
  const auto self = static_cast<id_t>(::gettid());
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, self);
  if (errno == 0) (void)::setpriority(PRIO_PROCESS, self, now + kNicer);
}

// A read that nothing answers would not notice that the user asked to stop.
void wait_for_stdin() {
  pollfd request{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  constexpr int kTimeoutMs = 100;
  while (::poll(&request, 1, kTimeoutMs) == 0) throw_if_interrupted();
}

std::vector<std::byte> read_stdin() {
  std::vector<std::byte> bytes;
  std::array<std::byte, 65536> block{};
  for (;;) {
    wait_for_stdin();
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0) throw_errno("cannot read", "standard input");
    if (got == 0) return bytes;
    bytes.insert(bytes.end(), block.begin(), block.begin() + got);
  }
}

vision::Image decode(const std::string& path, const vision::DecodeOptions& options) {
  if (path != "-") return vision::load_image(path, options);
  return vision::decode_image(read_stdin(), "standard input", options);
}

}  // namespace

std::int64_t worker_count(std::int64_t asked) {
  constexpr int kMostByDefault = 4;
  return asked > 0 ? asked : std::min(kMostByDefault, available_threads());
}

ReadyImage make_ready(const Input& input, const ImageQueueOptions& options) {
  ReadyImage ready;
  ready.input = &input;
  ready.error = input.error;
  if (!ready.error.empty()) return ready;
  try {
    const auto start = Clock::now();
    const vision::Image image = decode(input.path, options.decode);
    ready.decode_ms = ms_since(start);
    ready.width = image.width;
    ready.height = image.height;
    const auto decoded = Clock::now();
    ready.pixels =
        options.prepare ? options.prepare(image) : vision::preprocess(image, options.transforms);
    ready.preprocess_ms = ms_since(decoded);
    if (options.keep_pictures) ready.shown = show_picture(image, options.transforms);
  } catch (const Error& error) {
    ready.error = error.what();
    ready.hint = error.hint();
  } catch (const std::bad_alloc&) {
    ready.error = "[input] out of memory: " + input.path;
  }
  return ready;
}

ImageQueue::ImageQueue(std::span<const Input> inputs, const ImageQueueOptions& options)
    : inputs_(inputs), options_(options), slots_(std::max<std::size_t>(1, options.ahead)) {
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
}

ImageQueue::~ImageQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void ImageQueue::work() {
  give_way();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(
        lock, [&] { return stop_ || taken_ == inputs_.size() || taken_ - given_ < slots_.size(); });
    if (stop_ || taken_ == inputs_.size()) return;
    const std::size_t index = taken_++;
    lock.unlock();
    ReadyImage ready = make_ready(inputs_[index], options_);
    lock.lock();
    slots_[index % slots_.size()] = std::move(ready);
    changed_.notify_all();
  }
}

std::optional<ReadyImage> ImageQueue::next() {
  std::unique_lock lock(mutex_);
  if (given_ == inputs_.size()) return std::nullopt;
  std::optional<ReadyImage>& slot = slots_[given_ % slots_.size()];
  changed_.wait(lock, [&] { return slot.has_value(); });
  std::optional<ReadyImage> ready = std::move(slot);
  slot.reset();
  ++given_;
  changed_.notify_all();
  return ready;
}

}  // namespace lamina::tools
