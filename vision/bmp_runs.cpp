#include "vision/bmp_runs.h"

#include <algorithm>
#include <utility>

namespace lamina::vision::detail {
namespace {

class RunLengthDecoder {
 public:
  RunLengthDecoder(const Source& source, std::size_t width, std::size_t height, bool four_bits,
                   std::size_t at)
      : source_(source), width_(width), total_(width * height), four_bits_(four_bits), at_(at) {
    indices_.reserve(total_);
  }

  std::vector<std::uint8_t> decode() {
    while (indices_.size() < total_) {
      const std::uint8_t count = take();
      const std::uint8_t value = take();
      if (count > 0) {
        run(count, value);
      } else if (value == kEndOfLine) {
        x_ = 0;
        fill_to(indices_.size() + (width_ - indices_.size() % width_) % width_);
      } else if (value == kEndOfBitmap) {
        truncated();
      } else if (value == kDelta) {
        const std::size_t right = take(), down = take();
        fill_to(std::min(total_, indices_.size() + right + down * width_));
        x_ = indices_.size() % width_;
      } else {
        literal(value);
      }
    }
    indices_.resize(total_);
    return std::move(indices_);
  }

 private:
  enum Escape : std::uint8_t { kEndOfLine = 0, kEndOfBitmap = 1, kDelta = 2 };

  [[noreturn]] void truncated() {
    fail(FormatErrc::truncated, "truncated BMP: the pixel data ends too early", source_);
  }

  std::uint8_t take() {
    if (at_ >= source_.bytes.size()) truncated();
    return source_.bytes[at_++];
  }

  void fill_to(std::size_t size) { indices_.resize(size); }

  std::uint8_t half(std::uint8_t byte, std::size_t i) const {
    return i % 2 == 0 ? byte >> 4 : byte & 15;
  }

  void run(std::size_t count, std::uint8_t value) {
    count = std::min(count, width_ - std::min(x_, width_));
    for (std::size_t i = 0; i < count; ++i) {
      indices_.push_back(four_bits_ ? half(value, i) : value);
    }
    x_ += count;
  }

  void literal(std::size_t announced) {
    const std::size_t count = std::min(announced, total_ - indices_.size());
    std::uint8_t byte = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!four_bits_ || i % 2 == 0) byte = take();
      indices_.push_back(four_bits_ ? half(byte, i) : byte);
    }
    x_ += announced;
    at_ += at_ % 2;  // to a 16-bit boundary of the file
  }

  const Source& source_;
  std::size_t width_, total_;
  bool four_bits_;
  std::size_t at_;
  std::size_t x_ = 0;
  std::vector<std::uint8_t> indices_;
};

}  // namespace

std::vector<std::uint8_t> decode_bmp_runs(const Source& source, std::int64_t width,
                                          std::int64_t height, bool four_bits, std::size_t at) {
  return RunLengthDecoder(source, static_cast<std::size_t>(width), static_cast<std::size_t>(height),
                          four_bits, at)
      .decode();
}

}  // namespace lamina::vision::detail
