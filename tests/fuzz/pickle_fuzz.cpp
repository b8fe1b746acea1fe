// The pickle alone, without a zip around it: as the object of a legacy file with eight storages,
// which is the cheapest way to the interpreter.
#include <lamina/serialization/pth.h>

#include "tests/fuzz/fuzz.h"

#include <string>
#include <string_view>

using namespace lamina;
using namespace std::string_literals;

namespace {

constexpr int kStorages = 8;
constexpr std::int64_t kElements = 6;

// The magic number, the protocol's, and what is told of the machine.
const std::string kBegin =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    "\x80\x02M\xe9\x03."
    "\x80\x02}(X\x10\0\0\0protocol_versionM\xe9\x03X\x0d\0\0\0little_endian\x88u."s;

// The keys "0" to "7", then each storage: its count and its elements, at most eight bytes each.
std::string storages() {
  std::string bytes = "\x80\x02](";
  for (int i = 0; i < kStorages; ++i) bytes += "X\x01\0\0\0"s + std::to_string(i);
  bytes += "e.";
  for (int i = 0; i < kStorages; ++i) {
    bytes.append(reinterpret_cast<const char*>(&kElements), sizeof kElements);
    bytes.append(static_cast<std::size_t>(kElements) * sizeof(double), static_cast<char>(i));
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kEnd = storages();
  fuzz::Bytes bytes(kBegin.begin(), kBegin.end());
  bytes.insert(bytes.end(), data, data + size);
  bytes.insert(bytes.end(), kEnd.begin(), kEnd.end());
  const auto& path = fuzz::input_file(bytes);
  LoadOptions options;
  options.key = ".";
  options.dequantize = true;
  fuzz::attempt([&] {
    const StateDict tensors = serialization::load_pth(path, options);
    fuzz::check_tensors(tensors, bytes.size());
  });
  return 0;
}
