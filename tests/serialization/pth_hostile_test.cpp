// Pickles that would run code, in every disguise known: tests/data/pickles/README.md. None is
// obeyed; what is called is named.
#include <lamina/core/error.h>
#include <lamina/serialization/load.h>

#include "tests/serialization/hostile_files.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <string>

namespace lamina {
namespace {

using test::HostileFile;
using test::TemporaryFolder;

// The message of the error; empty where the file was read.
std::string refusal(const std::filesystem::path& path, StateDict& tensors) {
  try {
    tensors = load(path);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

// Only what the honest part of a file holds.
bool is_honest(const StateDict& tensors, bool values_too) {
  if (tensors.empty()) return true;
  const bool shaped = tensors.size() == 1 && tensors.contains("w") &&
                      tensors["w"].dtype() == DType::f32 && tensors["w"].shape() == Shape{2};
  if (!shaped || !values_too) return shaped;
  return tensors["w"].values<float>()[0] == 1.0F && tensors["w"].values<float>()[1] == 2.0F;
}

TEST_CASE("pth: a pickle that would run code is refused by name", "[serialization][pth]") {
  TemporaryFolder folder;
  int count = 0;
  for (const HostileFile& file : test::hostile_files()) {
    INFO(file.name);
    ++count;
    const auto path = folder / "hostile.pth";
    test::write_text(path, file.bytes);
    StateDict tensors;
    const std::string text = refusal(path, tensors);
    INFO(text);
    if (file.outcome == "harmless" || file.outcome == "data") {
      CHECK((!text.empty() || is_honest(tensors, file.outcome == "harmless")));
      continue;
    }
    CHECK(!text.empty());
    for (const std::string& part : file.texts) CHECK(text.find(part) != std::string::npos);
  }
  CHECK(count > 300);
}

}  // namespace
}  // namespace lamina
