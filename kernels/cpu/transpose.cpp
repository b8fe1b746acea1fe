#include "core/checked_math.h"
#include "core/parallel.h"
#include "kernels/cpu/elementwise.h"

#include <algorithm>

namespace lamina::kernels::cpu {

void transpose(std::int64_t rows, std::int64_t columns, const float* input, float* output,
               Exec exec) {
  // A tile's rows and columns are 16 floats, a cache line each, so every line that it touches is
  // used whole; a range is a strip of tiles, and writes whole rows of the output.
  constexpr std::int64_t kTile = 16, kRangeFloats = 64 * 1024;
  const std::int64_t strip =
      round_up(ceil_div(kRangeFloats, std::max<std::int64_t>(rows, 1)), kTile);
  parallel_for(exec.threads, columns, strip, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t column = begin; column < end; column += kTile) {
      const std::int64_t column_end = std::min(column + kTile, end);
      for (std::int64_t row = 0; row < rows; row += kTile) {
        const std::int64_t row_end = std::min(row + kTile, rows);
        for (std::int64_t x = column; x < column_end; ++x) {
          for (std::int64_t y = row; y < row_end; ++y)
            output[x * rows + y] = input[y * columns + x];
        }
      }
    }
  });
}

}  // namespace lamina::kernels::cpu
