// One instance of a served model: a session, and the batches that run in it. The server calls an
// instance from one thread at a time, and different instances at once.
#pragma once

#include "triton/config.h"
#include "triton/request.h"

#include <lamina/core/tensor.h>
#include <lamina/models/model.h>
#include <lamina/nn/session.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>

namespace lamina::triton {

/// What the instances of a model share. The weights are mapped once.
struct ServedModel {
  Model model;
  ServingConfig config;
};

class Instance {
 public:
  /// Where the size of images is fixed, runs a batch of zeros, so that weights are packed and
  /// memory is had before the first request. Errors: those of Session.
  Instance(const ServedModel& served, const std::string& device);

  /// Answers each request, and hands it back to the server; one that is wrong costs the others
  /// nothing. `handle` is where statistics go.
  void execute(TRITONBACKEND_ModelInstance* handle,
               std::span<TRITONBACKEND_Request* const> requests);

  /// "cpu, 2 threads, fp32"
  std::string description() const;

 private:
  struct Times {
    std::uint64_t start = 0, compute_start = 0, compute_end = 0;
  };
  void run(std::span<Request* const> requests, Times& times) noexcept;
  Tensor run_session(const Tensor& batch);
  Tensor gather(std::span<Request* const> requests, const Shape& shape);

  const ServedModel& served_;
  Session session_;
  Tensor batch_;  // [floats]: requests side by side; it grows to the largest batch
};

}  // namespace lamina::triton
