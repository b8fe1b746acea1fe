// One request: the images it brings, and the answer it gets.
#pragma once

#include "triton/api.h"
#include "triton/config.h"

#include <lamina/core/shape.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <vector>

namespace lamina::triton {

/// Exactly one answer is sent, at the end of the object's life: what answer() was given, or the
/// error of fail(), or one that says that there was neither. By then the request is counted, so
/// that who has an answer finds it in the server's statistics.
class Request {
 public:
  /// Reads where the images lie. A request that cannot be served is answered at once; failed()
  /// then.
  Request(TRITONBACKEND_Request* request, const ServingConfig& config) noexcept;
  /// Sends the answer, and hands the request back to the server.
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  bool failed() const noexcept { return error_ != nullptr; }
  const Shape& shape() const noexcept { return shape_; }  ///< [n, c, h, w]
  /// All images in one piece, aligned for floats; else null.
  const float* in_one_piece() const noexcept;
  /// Requires: `out` holds shape().numel() floats (unchecked).
  void copy_to(float* out) const noexcept;

  /// The answer is `logits`, [n, classes], which are copied.
  void answer(std::span<const float> logits, const ServingConfig& config) noexcept;
  /// The answer is the exception that is being handled.
  void fail() noexcept;
  void report(TRITONBACKEND_ModelInstance* instance, std::uint64_t start,
              std::uint64_t compute_start, std::uint64_t compute_end,
              std::uint64_t end) const noexcept;

 private:
  void read(const ServingConfig& config);
  void read_shape(std::span<const std::int64_t> sizes, const ServingConfig& config);

  TRITONBACKEND_Request* request_;
  TRITONBACKEND_Response* response_ = nullptr;
  TRITONSERVER_Error* error_ = nullptr;
  bool answered_ = false;
  Shape shape_{0};
  std::vector<std::span<const std::byte>> parts_;
};

}  // namespace lamina::triton
