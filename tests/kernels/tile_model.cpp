#include "tests/kernels/tile_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace lamina::test {
namespace {

using kernels::cpu::kTileRowBytes;
using kernels::cpu::kTileRows;
using kernels::cpu::kTiles;
using kernels::cpu::TileConfig;

void fault_if(bool fault, const char* instruction, const char* what, int tile = -1) {
  if (!fault) return;
  const std::string where = tile >= 0 ? fmt::format(" (tile {})", tile) : "";
  throw TileFault(fmt::format("{}: {}{}", instruction, what, where));
}

float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

// A row of a tile as floats.
using Halves = std::array<float, kTileRowBytes / 2>;

Halves from_bf16(const std::array<std::uint8_t, kTileRowBytes>& row) {
  std::array<std::uint16_t, kTileRowBytes / 2> bits{};
  std::memcpy(bits.data(), row.data(), row.size());
  Halves halves{};
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i] = flushed(std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16));
  }
  return halves;
}

// None of the three is a denormal.
float multiply_add(float a, float b, float c) {
  const float sum = std::fmaf(a, b, c);
  constexpr float kSmallest = std::numeric_limits<float>::min();
  if (!(std::fabs(sum) <= kSmallest)) return sum;
  // Whether a result is a denormal is judged after rounding it to 24 bits, as if exponents had no
  // limit. So what lies half a unit and more below the smallest normal number is flushed, though
  // fmaf may have rounded it up. So close to the edge double is exact, a and b having 8 bits each.
  const double exact = static_cast<double>(a) * b + c;
  const bool tiny = std::fabs(exact) < 0x1p-126 - 0x1p-151;
  return tiny ? std::copysign(0.0f, sum) : sum;
}

}  // namespace

float tile_multiply_add(float a, float b, float c) {
  return multiply_add(flushed(a), flushed(b), flushed(c));
}

// Sums below the smallest normal number are exact.
float tile_add(float a, float b) { return flushed(flushed(a) + flushed(b)); }

void TileModel::configure(const TileConfig& config) {
  const char* const what = "LDTILECFG";
  fault_if(config.palette > 1, what, "no such palette");
  *this = TileModel();
  if (config.palette == 0) return;
  // The processor would go on there after an interrupt; no program of ours starts so.
  fault_if(config.start_row != 0, what, "a start row is not modelled");
  const auto is_set = [](auto value) { return value != 0; };
  fault_if(std::any_of(std::begin(config.reserved), std::end(config.reserved), is_set) ||
               std::any_of(config.row_bytes + kTiles, std::end(config.row_bytes), is_set) ||
               std::any_of(config.rows + kTiles, std::end(config.rows), is_set),
           what, "reserved bytes are set");
  for (int i = 0; i < kTiles; ++i) {
    Tile& tile = tiles_[static_cast<std::size_t>(i)];
    tile.rows = config.rows[i];
    tile.row_bytes = config.row_bytes[i];
    fault_if(tile.rows > kTileRows, what, "too many rows", i);
    fault_if(tile.row_bytes > kTileRowBytes, what, "rows are too long", i);
    fault_if((tile.rows == 0) != (tile.row_bytes == 0), what, "rows without bytes", i);
  }
  configured_ = true;
}

void TileModel::release() { *this = TileModel(); }

TileModel::Tile& TileModel::valid(int index, const char* instruction) {
  fault_if(!configured_, instruction, "tiles are not configured");
  fault_if(index < 0 || index >= kTiles, instruction, "no such tile", index);
  Tile& tile = tiles_[static_cast<std::size_t>(index)];
  fault_if(tile.rows == 0, instruction, "the tile is not configured", index);
  return tile;
}

TileModel::Tile& TileModel::with_elements(int index, const char* instruction) {
  Tile& tile = valid(index, instruction);
  fault_if(tile.row_bytes % 4 != 0, instruction, "rows are not whole elements", index);
  return tile;
}

void TileModel::zero(int index) { valid(index, "TILEZERO").data = {}; }

void TileModel::load(int index, const void* rows, std::int64_t stride_bytes) {
  Tile& tile = with_elements(index, "TILELOADD");
  tile.data = {};
  const auto* row = static_cast<const std::uint8_t*>(rows);
  for (int i = 0; i < tile.rows; ++i) {
    std::memcpy(tile.data[static_cast<std::size_t>(i)].data(), row + i * stride_bytes,
                static_cast<std::size_t>(tile.row_bytes));
  }
}

void TileModel::store(int index, void* rows, std::int64_t stride_bytes) {
  const Tile& tile = with_elements(index, "TILESTORED");
  auto* row = static_cast<std::uint8_t*>(rows);
  for (int i = 0; i < tile.rows; ++i) {
    std::memcpy(row + i * stride_bytes, tile.data[static_cast<std::size_t>(i)].data(),
                static_cast<std::size_t>(tile.row_bytes));
  }
}

// For each output the products of even and of odd channels are summed by themselves, each
// multiply-add rounded; then the two sums are added, and that to what the output was before.
void TileModel::multiply_bf16(int sum_index, int a_index, int b_index) {
  const char* const what = "TDPBF16PS";
  fault_if(sum_index == a_index || sum_index == b_index || a_index == b_index, what,
           "a tile is used twice", sum_index);
  Tile& sum = with_elements(sum_index, what);
  const Tile& a = with_elements(a_index, what);
  const Tile& b = with_elements(b_index, what);
  fault_if(sum.rows != a.rows, what, "sums and a have other rows", a_index);
  fault_if(sum.row_bytes != b.row_bytes, what, "sums and b have other columns", b_index);
  fault_if(a.row_bytes / 4 != b.rows, what, "a has other columns than b rows", a_index);
  std::array<Halves, kTileRows> weights{};
  for (std::size_t k = 0; k < weights.size(); ++k) weights[k] = from_bf16(b.data[k]);
  for (std::size_t m = 0; m < static_cast<std::size_t>(sum.rows); ++m) {
    const Halves inputs = from_bf16(a.data[m]);
    Halves halves{};  // sums of even and odd products, side by side
    for (std::size_t k = 0; k < static_cast<std::size_t>(b.rows); ++k) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(b.row_bytes / 2); ++i) {
        halves[i] = multiply_add(inputs[2 * k + i % 2], weights[k][i], halves[i]);
      }
    }
    for (std::size_t n = 0; n < static_cast<std::size_t>(sum.row_bytes / 4); ++n) {
      float value = 0;
      std::memcpy(&value, &sum.data[m][4 * n], sizeof value);
      value = tile_add(value, tile_add(halves[2 * n], halves[2 * n + 1]));
      std::memcpy(&sum.data[m][4 * n], &value, sizeof value);
    }
    std::fill(sum.data[m].begin() + sum.row_bytes, sum.data[m].end(), std::uint8_t{0});
  }
}

}  // namespace lamina::test
