// PyTorch's files, as PyTorch 1.13 and 2.15 wrote them in every flavour, and the old kinds:
// tests/data/pth/README.md. What they must give is what PyTorch itself reads.
#include <lamina/core/error.h>
#include <lamina/serialization/load.h>
#include <lamina/serialization/npz.h>

#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::TemporaryFolder;
using test::write_text;

fs::path data_folder() { return fs::path(LAMINA_TEST_DATA) / "pth"; }

struct Reading {
  std::string file, kind, error;
  LoadOptions options;
  fs::path expected;  // empty: an error
  std::vector<std::string> texts;
  std::string may_name;
};

std::vector<Reading> readings() {
  std::vector<Reading> all;
  for (const auto& entry : nlohmann::json::parse(read_text(data_folder() / "index.json"))) {
    Reading reading;
    reading.file = entry.at("file");
    reading.kind = entry.at("kind");
    reading.error = entry.value("error", "");
    reading.options.key = entry.value("key", "");
    reading.options.dequantize = entry.value("dequantize", false);
    const std::string expected = entry.value("expected", "");
    if (!expected.empty()) reading.expected = data_folder() / expected;
    reading.texts = entry.value("texts", std::vector<std::string>());
    reading.may_name = entry.value("may_name", "");
    all.push_back(std::move(reading));
  }
  return all;
}

// "bfloat16:NAME" holds the bits of a tensor of that type, for which NumPy has none.
StateDict expected_tensors(const fs::path& file) {
  constexpr std::string_view kMark = "bfloat16:";
  StateDict tensors;
  for (const auto& [name, tensor] : serialization::load_npz(file)) {
    if (!name.starts_with(kMark)) {
      tensors.insert(name, tensor);
      continue;
    }
    const Tensor bits = tensor.contiguous();
    tensors.insert(name.substr(kMark.size()),
                   Tensor::wrap(bits.raw_data(), bits.shape(), DType::bf16, bits.storage()));
  }
  return tensors;
}

// Empty where both hold the same; the names need not stand in the same order.
std::string differences(const StateDict& found, const StateDict& expected) {
  std::string text;
  for (const auto& [name, tensor] : expected) {
    const Tensor* const other = found.find(name);
    if (other == nullptr) {
      text += "missing " + name + "\n";
    } else if (other->dtype() != tensor.dtype() || other->shape() != tensor.shape() ||
               !equal_bits(*other, tensor)) {
      text += "different " + name + "\n";
    } else if (!other->is_contiguous()) {
      text += "not contiguous " + name + "\n";
    }
  }
  for (const auto& [name, tensor] : found) {
    if (!expected.contains(name)) text += "unexpected " + name + "\n";
  }
  return text;
}

const char* class_of(const Error& error) {
  if (dynamic_cast<const FormatError*>(&error) != nullptr) return "FormatError";
  if (dynamic_cast<const Unsupported*>(&error) != nullptr) return "Unsupported";
  return dynamic_cast<const InvalidArgument*>(&error) != nullptr ? "InvalidArgument" : "other";
}

TEST_CASE("pth: every flavour that PyTorch writes comes out bit for bit", "[serialization][pth]") {
  int count = 0;
  for (const Reading& reading : readings()) {
    if (reading.expected.empty()) continue;
    INFO(reading.file << ", key '" << reading.options.key << "'");
    ++count;
    StateDict tensors;
    try {
      tensors = load(data_folder() / reading.file, reading.options);
    } catch (const Error& error) {
      INFO(error.what());
      const bool may = !reading.may_name.empty() &&
                       std::string_view(error.what()).find(reading.may_name) != std::string::npos;
      CHECK(may);
      continue;
    }
    CHECK(differences(tensors, expected_tensors(reading.expected)) == "");
  }
  CHECK(count > 200);
}

TEST_CASE("pth: what cannot be read is one error that says why", "[serialization][pth]") {
  for (const Reading& reading : readings()) {
    if (reading.error.empty()) continue;
    INFO(reading.file << ", key '" << reading.options.key << "'");
    try {
      (void)load(data_folder() / reading.file, reading.options);
      FAIL_CHECK("was read");
    } catch (const Error& error) {
      const std::string text = std::string(error.what()) + "; " + error.hint();
      INFO(text);
      for (const std::string& part : reading.texts) CHECK(text.find(part) != std::string::npos);
      CHECK(text.find(reading.file) != std::string::npos);
      CHECK(reading.error.find(class_of(error)) != std::string::npos);
    }
  }
}

TEST_CASE("pth: the kind is told by the bytes", "[serialization][pth]") {
  for (const Reading& reading : readings()) {
    if (reading.kind == "any") continue;
    INFO(reading.file);
    CHECK(to_string(serialization::detect_kind(data_folder() / reading.file)) == reading.kind);
  }
}

TEST_CASE("pth: tensors of one storage share it", "[serialization][pth]") {
  for (const char* const file : {"torch-2.15/ties.zip.pth", "torch-2.15/ties.legacy.pth"}) {
    INFO(file);
    const StateDict tensors = load(data_folder() / file);
    int shared = 0;
    for (const auto& [name, tensor] : tensors) {
      for (const auto& [other, second] : tensors) {
        if (name < other && tensor.shares_storage_with(second)) ++shared;
      }
    }
    CHECK(shared > 0);
  }
}

TEST_CASE("pth: with `unaligned` the bytes are the same", "[serialization][pth]") {
  TemporaryFolder folder;
  for (const Reading& reading : readings()) {
    if (reading.expected.empty() || !reading.may_name.empty()) continue;
    LoadOptions options = reading.options;
    options.unaligned = true;
    INFO(reading.file << ", key '" << options.key << "'");
    save(load(data_folder() / reading.file, options), folder / "copy.lamina");
    CHECK(differences(load(folder / "copy.lamina"), expected_tensors(reading.expected)) == "");
  }
}

}  // namespace
}  // namespace lamina
