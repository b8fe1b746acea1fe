#include "kernels/cuda/failure_record.h"

#include <catch2/catch.hpp>

using lamina::kernels::cuda::failure_text;
using lamina::kernels::cuda::FailureRecord;

TEST_CASE("cuda errors: the message has call, name and place, whatever folder it was built in",
          "[kernels][cuda][errors]") {
  CHECK(failure_text("cudaMalloc(&p, n)", "cudaErrorInvalidValue", "invalid argument",
                     "/somewhere/lamina/kernels/cuda/runtime_cuda.cu", 12) ==
        "[cuda] cudaMalloc(&p, n): cudaErrorInvalidValue (invalid argument) at "
        "kernels/cuda/runtime_cuda.cu:12");
}

TEST_CASE("cuda errors: what follows a fatal error names the first one",
          "[kernels][cuda][errors]") {
  FailureRecord record;
  CHECK(record.add("a", false) == "a");
  CHECK(record.first().empty());
  CHECK(record.add("b", true) == "b");
  CHECK(record.add("c", true) == "c; CUDA is unusable in this process since b");
  CHECK(record.add("d", false) == "d; CUDA is unusable in this process since b");
  CHECK(record.first() == "b");
}
