#include "tools/vgg16_infer/array_output.h"

#include "tools/support/failure.h"

#include <lamina/serialization/safetensors.h>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lamina::tools {
namespace {

// A file without a name, which vanishes with its descriptor, on the disk of `path`.
FileDescriptor unnamed_file_beside(const std::string& path) {
  std::string name = path + ".XXXXXX";
  FileDescriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) throw_errno("cannot write", path);
  ::unlink(name.c_str());
  return file;
}

void check_row(const Shape& expected, const Shape& found, const std::string& path) {
  if (expected == found) return;
  throw UsageError(fmt::format("images of different sizes do not fit one array, {} and {}: {}",
                               to_string(expected), to_string(found), path),
                   "--crop N gives all the same size");
}

}  // namespace

Shape row_shape(const Shape& rows) { return Shape(rows.sizes().subspan(1)); }

void NpyOutput::append(const Tensor& rows) {
  const Shape row = row_shape(rows.shape());
  writing([&] {
    if (!writer_) {
      row_ = row;
      writer_.emplace(path_, rows.dtype(), row);
    }
    check_row(row_, row, path_);
    writer_->append(rows);
  });
}

bool NpyOutput::finish() {
  if (!writer_) return false;
  writing([&] { writer_->commit(); });
  return true;
}

SafetensorsOutput::SafetensorsOutput(std::string path, const std::vector<std::string>& names)
    : path_(std::move(path)) {
  for (const std::string& name : names) {
    spools_.push_back(
        {.name = name, .file = writing([&] { return unnamed_file_beside(path_); }), .row = {}});
  }
}

void SafetensorsOutput::append(std::size_t index, const Tensor& rows) {
  Spool& spool = spools_.at(index);
  const Shape row = row_shape(rows.shape());
  if (spool.rows == 0) spool.row = row;
  check_row(spool.row, row, path_);
  const Tensor whole = rows.contiguous();
  std::span bytes(static_cast<const char*>(whole.raw_data()),
                  static_cast<std::size_t>(whole.nbytes()));
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(spool.file.get(), bytes.data(), bytes.size(), spool.bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) writing([&] { throw_errno("cannot write", path_); });
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    spool.bytes += written;
  }
  spool.rows += rows.size(0);
}

Tensor SafetensorsOutput::mapped(const Spool& spool) const {
  std::vector<std::int64_t> sizes{spool.rows};
  sizes.insert(sizes.end(), spool.row.begin(), spool.row.end());
  const Shape shape{std::span<const std::int64_t>(sizes)};
  if (spool.bytes == 0) return Tensor::empty(shape);
  const auto length = static_cast<std::size_t>(spool.bytes);
  void* const data = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, spool.file.get(), 0);
  if (data == MAP_FAILED) throw_errno("cannot map", path_);
  return Tensor::wrap(data, shape, DType::f32,
                      std::shared_ptr<void>(data, [length](void* p) { ::munmap(p, length); }));
}

bool SafetensorsOutput::finish() {
  if (spools_.front().rows == 0) return false;
  writing([&] {
    StateDict arrays;
    for (const Spool& spool : spools_) arrays.insert(spool.name, mapped(spool));
    serialization::save_safetensors(arrays, path_);
  });
  return true;
}

}  // namespace lamina::tools
