#include <lamina/serialization/npz.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/repair.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, data + size);
  fuzz::repair_zip(bytes);
  const auto& path = fuzz::input_file(bytes);
  fuzz::attempt([&] {
    const StateDict tensors = serialization::load_npz(path);
    fuzz::check_tensors(tensors, size);
    fuzz::check_round_trip(
        tensors, "a.npz",
        [](const StateDict& state, const auto& file) { serialization::save_npz(state, file); },
        [](const auto& file) { return serialization::load_npz(file); });
  });
  return 0;
}
