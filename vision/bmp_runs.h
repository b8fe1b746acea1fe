// BMP's run-length encoding.
#pragma once

#include "vision/decoder.h"

#include <cstdint>
#include <vector>

namespace lamina::vision::detail {

/// The palette indices of a run-length encoded image, one a byte: [height, width], rows in the
/// file's order. Pixels that the encoding jumps over have index 0.
/// Requires: width and height are checked against the source's limit; `at` is where the codes start
/// Errors:   FormatError truncated where the codes end before the last pixel
std::vector<std::uint8_t> decode_bmp_runs(const Source& source, std::int64_t width,
                                          std::int64_t height, bool four_bits, std::size_t at);

}  // namespace lamina::vision::detail
