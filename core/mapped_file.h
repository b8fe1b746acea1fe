// A file mapped into memory, read-only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace lamina {

/// The mapping lives as long as the object, which tensors keep alive as their storage's owner. The
/// kernel shares the pages among all processes and sessions that map the file.
///
/// Requires: nobody truncates the file while it is mapped (touching a page that is gone raises
/// SIGBUS). Replacing it by rename, as our own writer does, is safe: the mapping keeps the old one.
class MappedFile {
 public:
  /// Throws IoError where the path cannot be opened, is not a regular file, or cannot be mapped.
  static std::shared_ptr<MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Tells the kernel that all of it will be read soon.
  void will_need() const noexcept;
  /// Takes the whole pages within `part` out of this process's memory: a copy that is done with
  /// them leaves no second set behind. They stay in the kernel's cache; a later read is safe.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size);

  std::filesystem::path path_;
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace lamina
