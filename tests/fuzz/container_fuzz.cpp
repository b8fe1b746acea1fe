// The container: its header, its manifest, and a model in it.
#include <lamina/models/model.h>
#include <lamina/serialization/container.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/repair.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, data + size);
  fuzz::repair_container(bytes);
  const auto& path = fuzz::input_file(bytes);
  fuzz::attempt([&] {
    const serialization::Container container = serialization::read_container(path);
    fuzz::check_tensors(container.tensors, size);
    fuzz::expect(serialization::inspect_container(path).tensors.size() == container.tensors.size(),
                 "inspecting and reading see the same tensors");
    fuzz::check_round_trip(
        container.tensors, "a.lamina",
        [](const StateDict& state, const auto& file) { save(state, file); },
        [](const auto& file) { return load(file, {.verify = true, .progress = {}}); });
  });
  fuzz::attempt([&] { serialization::verify_container(path); });
  fuzz::attempt([&] { load_model(path); });
  return 0;
}
