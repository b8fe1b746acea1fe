#include <lamina/serialization/safetensors.h>

#include "tests/fuzz/fuzz.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& path = fuzz::input_file({data, size});
  fuzz::attempt([&] {
    const StateDict tensors = serialization::load_safetensors(path);
    fuzz::check_tensors(tensors, size);
    fuzz::check_round_trip(
        tensors, "a.safetensors",
        [](const StateDict& state, const auto& file) {
          serialization::save_safetensors(state, file);
        },
        [](const auto& file) { return serialization::load_safetensors(file); });
  });
  return 0;
}
