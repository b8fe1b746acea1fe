// What the fuzz targets share. A target is one function:
//
//   extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
//
// Whatever the bytes are, a reader either gives something consistent or throws a lamina::Error with
// one printable line. Anything else ends the program: another exception, a broken expectation, and
// whatever the sanitizers find. Time and memory are bounded by libFuzzer's options in tools/fuzz.
#pragma once

#include <lamina/core/state_dict.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lamina::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// Ends the program, saying what was expected, where it does not hold.
void expect(bool holds, const char* what);

/// The path of a file in memory with these bytes, good until the next call.
const std::filesystem::path& input_file(std::span<const std::uint8_t> bytes);

/// A path in a folder in memory, for what is written and read back.
std::filesystem::path output_file(const char* name);

/// Calls `read`; false where it throws a lamina::Error, whose text is checked.
bool attempt(const std::function<void()>& read);

/// Reads every byte of every tensor, and checks that sizes, alignment and names make sense.
/// Tensors may take `file_bytes` and 64 MiB together: more than that no file of it can hold.
void check_tensors(const StateDict& tensors, std::size_t file_bytes);

/// Names, dtypes, shapes and bytes are equal.
void check_equal(const StateDict& a, const StateDict& b);

/// Writes with `save`, reads with `load`, and compares. Large ones are passed over for speed.
void check_round_trip(
    const StateDict& tensors, const char* name,
    const std::function<void(const StateDict&, const std::filesystem::path&)>& save,
    const std::function<StateDict(const std::filesystem::path&)>& load);

}  // namespace lamina::fuzz
