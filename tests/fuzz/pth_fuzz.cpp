// Every kind of file that load_pth() reads, told by its bytes; read as a caller does by default,
// and once more with everything taken out that can be.
#include <lamina/serialization/pth.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/repair.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, data + size);
  fuzz::repair_zip(bytes);
  const auto& path = fuzz::input_file(bytes);
  for (const bool all : {false, true}) {
    LoadOptions options;
    options.verify = options.dequantize = all;
    if (all) options.key = ".";
    fuzz::attempt([&] {
      const StateDict tensors = serialization::load_pth(path, options);
      fuzz::check_tensors(tensors, size);
      fuzz::check_round_trip(
          tensors, "a.pth",
          [](const StateDict& state, const auto& file) { serialization::save_pth(state, file); },
          [](const auto& file) { return serialization::load_pth(file); });
    });
  }
  return 0;
}
