#include "tools/support/output.h"

#include "core/atomic_file.h"
#include "core/file_descriptor.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lamina::tools {
namespace {

void write_fully(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) throw ClosedPipe();
    if (written < 0) {
      throw OutputError(fmt::format("cannot write: {}: {}", std::strerror(errno), name));
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

class StdoutOutput : public Output {
 public:
  void write(std::string_view text) override { print(text); }
};

class FileOutput : public Output {
 public:
  explicit FileOutput(const std::filesystem::path& path)
      : file_(writing([&] { return std::make_unique<AtomicFile>(path); })) {}

  void write(std::string_view text) override {
    writing([&] { file_->write(std::as_bytes(std::span(text))); });
  }
  void finish() override {
    writing([&] { file_->commit(); });
  }

 private:
  std::unique_ptr<AtomicFile> file_;
};

class AppendOutput : public Output {
 public:
  explicit AppendOutput(const std::filesystem::path& path)
      : name_(path.string()),
        file_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    if (!file_) writing([&] { throw_errno("cannot write", path); });
    writing([&] { cut_partial_line(path); });
  }

  void write(std::string_view text) override { write_fully(file_.get(), text, name_); }
  void finish() override { ::fsync(file_.get()); }

 private:
  void cut_partial_line(const std::filesystem::path& path) {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) throw_errno("cannot write", path);
    off_t end = status.st_size;
    std::array<char, 4096> block{};
    while (end > 0) {
      const auto length = static_cast<std::size_t>(std::min<off_t>(end, block.size()));
      const off_t begin = end - static_cast<off_t>(length);
      if (::pread(file_.get(), block.data(), length, begin) != static_cast<ssize_t>(length)) {
        throw_errno("cannot read", path);
      }
      const std::size_t newline = std::string_view(block.data(), length).rfind('\n');
      if (newline != std::string_view::npos) {
        end = begin + static_cast<off_t>(newline) + 1;
        break;
      }
      end = begin;
    }
    if (end != status.st_size && ::ftruncate(file_.get(), end) != 0) {
      throw_errno("cannot write", path);
    }
  }

  std::string name_;
  FileDescriptor file_;
};

}  // namespace

std::unique_ptr<Output> Output::to_stdout() { return std::make_unique<StdoutOutput>(); }

std::unique_ptr<Output> Output::to_file(const std::filesystem::path& path) {
  return std::make_unique<FileOutput>(path);
}

std::unique_ptr<Output> Output::append_to(const std::filesystem::path& path) {
  return std::make_unique<AppendOutput>(path);
}

void print(std::string_view text) { write_fully(STDOUT_FILENO, text, "standard output"); }

}  // namespace lamina::tools
