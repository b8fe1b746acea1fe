// Images made ready on threads of their own, a little ahead of the net, handed out in order.
#pragma once

#include "tools/vgg16_infer/inputs.h"
#include "tools/vgg16_infer/pictures.h"

#include <lamina/core/tensor.h>
#include <lamina/vision/decode.h>
#include <lamina/vision/transforms.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace lamina::tools {

/// An image ready for the net, or the reason why it is not.
struct ReadyImage {
  const Input* input = nullptr;
  std::string error, hint;             ///< error empty: fine
  std::int64_t width = 0, height = 0;  ///< as decoded
  Tensor pixels;                       ///< [3, h, w], or what options.prepare gave
  std::optional<ShownPicture> shown;   ///< where the options keep it
  double decode_ms = 0, preprocess_ms = 0;
};

/// The threads that decode: as many as were asked for, or where that is 0 up to 4 of those that
/// there are.
std::int64_t worker_count(std::int64_t asked);

struct ImageQueueOptions {
  vision::Transforms transforms;
  /// Instead of preprocess() with the transforms, where there is one; called on several threads.
  std::function<Tensor(const vision::Image&)> prepare = {};
  vision::DecodeOptions decode = {};
  int workers = 1;
  bool keep_pictures = false;  ///< as a person looks at them
  std::size_t ahead = 8;  ///< images that may be ready or in work at once: memory is bounded by it
};

class ImageQueue {
 public:
  /// The inputs must outlive the queue.
  ImageQueue(std::span<const Input> inputs, const ImageQueueOptions& options);
  /// Waits for the images in work.
  ~ImageQueue();
  ImageQueue(const ImageQueue&) = delete;
  ImageQueue& operator=(const ImageQueue&) = delete;

  /// The next image in the order of the inputs; nothing after the last.
  std::optional<ReadyImage> next();

 private:
  void work();

  std::span<const Input> inputs_;
  ImageQueueOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<ReadyImage>> slots_;  // image i is in slot i % slots_.size()
  std::size_t taken_ = 0;                         // inputs that a worker took
  std::size_t given_ = 0;                         // images that next() gave
  bool stop_ = false;
  std::vector<std::jthread> threads_;
};

/// Reads, decodes and preprocesses one image; never throws but what memory runs out of.
ReadyImage make_ready(const Input& input, const ImageQueueOptions& options);

}  // namespace lamina::tools
