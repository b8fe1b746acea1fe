#include "nn/session/device_choice.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

using namespace lamina;
using nn::detail::choose_device;
using nn::detail::CudaDevices;

namespace {

const CudaDevices kNone{{}, "no NVIDIA driver"};
const CudaDevices kTwo{{{"NVIDIA H100, sm_90", ""}, {"NVIDIA A100, sm_80", ""}}, ""};
const CudaDevices kOld{{{"Tesla V100, sm_70", "its compute capability 7.0 is below 8.0"}}, ""};

}  // namespace

TEST_CASE("device choice: auto takes a GPU where one is of use, and says why it does not",
          "[nn][session][device]") {
  CHECK(choose_device("auto", kTwo).device == Device{DeviceType::cuda, 0});
  CHECK(choose_device("auto", kTwo).why == "NVIDIA H100, sm_90");
  CHECK(choose_device("auto", kNone).device == Device{});
  CHECK(choose_device("auto", kNone).why == "no NVIDIA driver");
  CHECK(choose_device("auto", kOld).device == Device{});
  CHECK(choose_device("auto", kOld).why ==
        "not cuda:0, Tesla V100, sm_70: its compute capability 7.0 is below 8.0");
  CHECK(choose_device("cpu", kTwo).device == Device{});
  CHECK(choose_device("cuda:1", kTwo).device == Device{DeviceType::cuda, 1});
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
  CHECK_THROWS_AS(choose_device("cuda:0", kOld), DeviceError);
  CHECK_THROWS_WITH(choose_device("cuda:0", kOld),
                    "[session] device 'cuda:0' is not available: its compute capability 7.0 is "
                    "below 8.0");
  CHECK_THROWS_AS(choose_device("gpu", kTwo), InvalidArgument);
}

TEST_CASE("device choice: looking for devices never fails", "[nn][session][device]") {
  const CudaDevices found = nn::detail::find_cuda_devices();
  CHECK(found.devices.empty() == !found.why_none.empty());
}
