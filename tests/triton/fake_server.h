// The server's side of its C interface, as far as an instance calls it: requests that bring what a
// test says, and keep what they were answered.
#pragma once

#include "triton/core/tritonbackend.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::test {

struct FakeRequest {
  // What it brings.
  std::vector<std::int64_t> shape = {};
  std::vector<std::span<const std::byte>> parts = {};  // memory of the test's
  std::string input = "input";
  TRITONSERVER_DataType type = TRITONSERVER_TYPE_FP32;
  TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
  TRITONSERVER_MemoryType output_memory = TRITONSERVER_MEMORY_CPU;
  bool cancelled = false;

  // What became of it.
  int answers = 0, releases = 0;
  bool released_before_answer = false, answered_before_report = false;
  std::string error = {};
  TRITONSERVER_Error_Code code = TRITONSERVER_ERROR_UNKNOWN;
  std::string output = {};
  std::vector<std::int64_t> output_shape = {};
  std::vector<float> logits = {};
  std::vector<bool> reported = {};  // success, once for each report
  std::vector<std::uint64_t> times = {};

  TRITONBACKEND_Request* handle() { return reinterpret_cast<TRITONBACKEND_Request*>(this); }
};

/// Images of the batches that instances have reported since the last call.
std::vector<std::uint64_t> take_reported_batches();
/// Errors made and not deleted, over all.
int errors_alive();

}  // namespace lamina::test
