#include "tests/fuzz/fuzz.h"

#include <lamina/core/error.h>

#include "core/checked_math.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <sys/mman.h>
#include <unistd.h>

namespace lamina::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRoomBytes = std::int64_t{64} << 20;
constexpr std::int64_t kMaxRoundTripBytes = 1 << 16;
constexpr std::size_t kMaxMessageBytes = 4096;

// The folder for output, gone at the end; in memory, since every run writes.
class Folder {
 public:
  Folder() {
    const char* const memory = "/dev/shm";
    const fs::path parent = fs::is_directory(memory) ? fs::path(memory) : fs::temp_directory_path();
    std::string name = (parent / "lamina-fuzz-XXXXXX").string();
    expect(::mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

bool is_printable_line(const std::string& text) {
  return std::ranges::none_of(text,
                              [](char c) { return std::iscntrl(static_cast<unsigned char>(c)); });
}

}  // namespace

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

const fs::path& input_file(std::span<const std::uint8_t> bytes) {
  static const int file = ::memfd_create("input", MFD_CLOEXEC);
  static const fs::path path = "/proc/self/fd/" + std::to_string(file);
  expect(file >= 0 && ::ftruncate(file, 0) == 0, "a file in memory can be made");
  const auto written = ::pwrite(file, bytes.data(), bytes.size(), 0);
  expect(written == static_cast<ssize_t>(bytes.size()), "the input can be written");
  return path;
}

fs::path output_file(const char* name) {
  static const Folder folder;
  return folder.path() / name;
}

bool attempt(const std::function<void()>& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    const std::string text = error.what();
    expect(!text.empty() && text.size() <= kMaxMessageBytes, "an error has a text of sane length");
    expect(is_printable_line(text), "an error's text is one printable line");
    expect(is_printable_line(error.hint()), "an error's hint is one printable line");
    return false;
  }
}

void check_tensors(const StateDict& tensors, std::size_t file_bytes) {
  static std::atomic<unsigned> sink;  // so that the reading is not left out
  unsigned sum = 0;
  for (const auto& named : tensors) {
    const Tensor& tensor = named.second;
    expect(tensor.defined(), "a tensor is defined");
    expect(!named.first.empty() && serialization::is_utf8(named.first), "a name is UTF-8");
    std::optional<std::int64_t> numel = 1;
    for (const std::int64_t size : tensor.shape().sizes()) numel = checked_mul(*numel, size);
    expect(numel == tensor.numel(), "numel is the shape's product");
    expect(tensor.nbytes() == tensor.numel() * size_of(tensor.dtype()), "nbytes is numel's");
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.raw_data());
    expect(address % static_cast<std::uintptr_t>(size_of(tensor.dtype())) == 0, "it is aligned");
    expect(tensor.nbytes() <= static_cast<std::int64_t>(file_bytes) + kRoomBytes,
           "it fits its file");
    const Tensor contiguous = tensor.contiguous();
    for (const std::byte byte : serialization::bytes_of(contiguous)) {
      sum += std::to_integer<unsigned>(byte);
    }
  }
  sink = sum;
}

void check_equal(const StateDict& a, const StateDict& b) {
  expect(a.size() == b.size(), "what is read back has as many tensors");
  for (const auto& named : a) {
    const Tensor* const other = b.find(named.first);
    expect(other != nullptr, "what is read back has the same names");
    expect(other->dtype() == named.second.dtype(), "what is read back has the same dtypes");
    expect(other->shape() == named.second.shape(), "what is read back has the same shapes");
    const Tensor left = named.second.contiguous(), right = other->contiguous();
    expect(std::ranges::equal(serialization::bytes_of(left), serialization::bytes_of(right)),
           "what is read back has the same bytes");
  }
}

void check_round_trip(const StateDict& tensors, const char* name,
                      const std::function<void(const StateDict&, const fs::path&)>& save,
                      const std::function<StateDict(const fs::path&)>& load) {
  // Writing to a file and back costs as much as twenty readings: one in eight is enough.
  const std::size_t chosen =
      std::hash<std::string>()(tensors.empty() ? "" : tensors.begin()->first);
  if (tensors.nbytes() > kMaxRoundTripBytes || (chosen + tensors.size()) % 8 != 0) return;
  const fs::path path = output_file(name);
  save(tensors, path);
  check_equal(tensors, load(path));
}

}  // namespace lamina::fuzz
