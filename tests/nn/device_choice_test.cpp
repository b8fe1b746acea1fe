#include "nn/session/device_choice.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

using namespace lamina;
using nn::detail::choose_device;
using nn::detail::CudaDevices;

namespace {

const CudaDevices kNone{{}, "no NVIDIA driver"};
const CudaDevices kTwo{{"NVIDIA H100, sm_90", "NVIDIA A100, sm_80"}, ""};

}  // namespace

TEST_CASE("device choice: auto takes the processor and says why", "[nn][session][device]") {
  CHECK(choose_device("auto", kNone).device == Device{});
  CHECK(choose_device("auto", kNone).why == "no NVIDIA driver");
  CHECK(choose_device("auto", kTwo).device == Device{});
  CHECK(choose_device("auto", kTwo).why ==
        "sessions do not run on CUDA yet, so not cuda:0 (NVIDIA H100, sm_90)");
  CHECK(choose_device("cpu", kTwo).device == Device{});
}

TEST_CASE("device choice: a named device is never replaced by another",
          "[nn][session][device][errors]") {
  CHECK_THROWS_AS(choose_device("cuda", kNone), DeviceError);
  CHECK_THROWS_WITH(choose_device("cuda", kNone),
                    "[session] device 'cuda' is not available: no NVIDIA driver");
  CHECK_THROWS_AS(choose_device("cuda:2", kTwo), DeviceError);
  CHECK_THROWS_WITH(
      choose_device("cuda:2", kTwo),
      "[session] device 'cuda:2' is not available: this machine has cuda:0 to cuda:1");
  CHECK_THROWS_AS(choose_device("cuda:1", kTwo), Unsupported);
  CHECK_THROWS_WITH(choose_device("cuda:1", kTwo),
                    "[session] device 'cuda:1' (NVIDIA A100, sm_80) is here, but sessions do not "
                    "run on CUDA yet");
  CHECK_THROWS_AS(choose_device("gpu", kTwo), InvalidArgument);
}

TEST_CASE("device choice: looking for devices never fails", "[nn][session][device]") {
  const CudaDevices found = nn::detail::find_cuda_devices();
  CHECK(found.descriptions.empty() == !found.why_none.empty());
}
