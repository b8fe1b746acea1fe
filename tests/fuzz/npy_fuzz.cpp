#include <lamina/serialization/npy.h>

#include "tests/fuzz/fuzz.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& path = fuzz::input_file({data, size});
  fuzz::attempt([&] {
    StateDict tensors;
    tensors.insert("array", serialization::load_npy(path));
    fuzz::check_tensors(tensors, size);
    fuzz::check_round_trip(
        tensors, "a.npy",
        [](const StateDict& state, const auto& file) {
          serialization::save_npy(state.at("array"), file);
        },
        [](const auto& file) {
          StateDict again;
          again.insert("array", serialization::load_npy(file));
          return again;
        });
  });
  return 0;
}
