// AsyncUnit's products of a warpgroup: what they read, when, and the arithmetic.
#include "kernels/cuda/e4m3.h"
#include "kernels/cuda/emulator/async_unit.h"
#include "kernels/cuda/emulator/block.h"
#include "kernels/cuda/emulator/half_types.h"
#include "kernels/cuda/emulator/swizzle.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lamina::kernels::cuda::emulator {
namespace {

// A matrix in shared memory whose rows are 128 bytes, swizzled: 8 rows to 1024 bytes.
struct Operand {
  std::int64_t start;  // byte of the block's shared memory

  explicit Operand(std::uint64_t descriptor)
      : start(static_cast<std::int64_t>(descriptor & 0x3fff) << 4) {}
  std::int64_t tile() const { return start / kSwizzleRow * kSwizzleRow; }
  template <typename T>
  T* part(T* base, int row, int i) const {
    return swizzled(base, start + std::int64_t{row} * kSwizzleRow + i * kPart);
  }
};

bool is_known_form(std::uint64_t descriptor) {
  const std::uint64_t group_of_8_rows = descriptor >> 32 & 0x3fff, swizzle = descriptor >> 62;
  return group_of_8_rows == (8 * kSwizzleRow) >> 4 && swizzle == 1;
}

constexpr int bytes_of(Factor factor) {
  return factor == Factor::e4m3 ? 1 : factor == Factor::tf32 ? 4 : 2;
}

float value_of(const char* at, Factor factor) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, at, static_cast<std::size_t>(bytes_of(factor)));
  const auto half = static_cast<std::uint16_t>(bits);
  switch (factor) {
    case Factor::f16: return __half2float({half});
    case Factor::bf16: return __bfloat162float({half});
    case Factor::e4m3: return from_e4m3({static_cast<std::uint8_t>(bits)});
    // Hardware does not look at the low 13 bits.
    default: return std::bit_cast<float>(bits & ~0x1fffu);
  }
}

constexpr int kProductBytes = 32, kMostDepth = 32, kRows = 64, kMostColumns = 256;
constexpr int kParts = kProductBytes / kPart;

}  // namespace

void AsyncUnit::fence_group(int group) { groups_[static_cast<std::size_t>(group)].fenced = true; }

void AsyncUnit::multiply(int group, GroupProduct product) {
  Group& of = groups_[static_cast<std::size_t>(group)];
  if (!of.fenced) block_.fail("wgmma without wgmma_fence() before", product.where);
  if (!is_known_form(product.a) || !is_known_form(product.b)) {
    block_.fail("a descriptor of a form that the emulator does not know", product.where);
  }
  product.group = of.committed;
  begin_reads(group, product);
  if (!is_late()) compute(product);
  of.products.push_back(product);
}

void AsyncUnit::commit_products(int group) { ++groups_[static_cast<std::size_t>(group)].committed; }

void AsyncUnit::wait_for_products(int group, int newest) {
  Group& of = groups_[static_cast<std::size_t>(group)];
  const auto is_over = [&](GroupProduct& product) {
    if (product.group >= of.committed - newest) return false;
    if (!product.done) {
      check_reads(group, product);
      compute(product);
    }
    end_reads(group, product, block_.next_event());
    return true;
  };
  // In order: each adds to what the one before left.
  std::size_t kept = 0;
  for (GroupProduct& product : of.products) {
    if (!is_over(product)) of.products[kept++] = product;
  }
  of.products.resize(kept);
  of.fenced = false;
}

// On the account of each warp's first lane: that is who tells others that the place is free.
void AsyncUnit::begin_reads(int group, const GroupProduct& product) {
  check_reads(group, product);
  char* const base = block_.shared().dynamic();
  for (int thread = group * kWarpgroup; thread < (group + 1) * kWarpgroup; thread += kWarp) {
    block_.shared().begin_read(base + Operand(product.a).tile(), kRows * kSwizzleRow, thread);
    block_.shared().begin_read(base + Operand(product.b).tile(), product.n * kSwizzleRow, thread);
  }
}

void AsyncUnit::end_reads(int group, const GroupProduct& product, std::uint32_t event) {
  char* const base = block_.shared().dynamic();
  for (int thread = group * kWarpgroup; thread < (group + 1) * kWarpgroup; thread += kWarp) {
    block_.shared().end_read(base + Operand(product.a).tile(), thread, event);
    block_.shared().end_read(base + Operand(product.b).tile(), thread, event);
  }
}

void AsyncUnit::check_reads(int group, const GroupProduct& product) {
  check_operand(group, product.a, kRows, product);
  check_operand(group, product.b, product.n, product);
}

void AsyncUnit::check_operand(int group, std::uint64_t descriptor, int rows,
                              const GroupProduct& product) {
  const char* const base = block_.shared().dynamic();
  const Operand operand(descriptor);
  for (int warp = 0; warp < kWarpgroup / kWarp; ++warp) {
    const Moment moment = block_.moment_of(group * kWarpgroup + warp * kWarp);
    for (int row = 0; row < rows; ++row) {
      for (int i = 0; i < kParts; ++i) {
        const char* const part = operand.part(base, row, i);
        if (block_.shared().read_async(part, kPart, moment, proxy_fences_.data())) continue;
        block_.act_for(moment.thread);
        block_.fail(block_.shared().complaint(false, part, kPart, moment), product.where);
      }
    }
  }
}

void AsyncUnit::compute(GroupProduct& product) const {
  static thread_local float a[kRows][kMostDepth], b[kMostDepth][kMostColumns], sums[kMostColumns];
  const char* const base = block_.shared().dynamic();
  const int bytes = bytes_of(product.factor), part_elements = kPart / bytes;
  const auto read = [&](std::uint64_t descriptor, int rows, const auto& put) {
    const Operand operand(descriptor);
    for (int row = 0; row < rows; ++row) {
      for (int i = 0; i < kParts; ++i) {
        const char* const part = operand.part(base, row, i);
        for (int e = 0; e < part_elements; ++e) {
          put(row, i * part_elements + e, value_of(part + e * bytes, product.factor));
        }
      }
    }
  };
  read(product.a, kRows, [&](int row, int k, float value) { a[row][k] = value; });
  read(product.b, product.n, [&](int row, int k, float value) { b[k][row] = value; });
  const int n = product.n;
  for (int row = 0; row < kRows; ++row) {
    // A row lies in four lanes: rows 0 to 7 and 8 to 15 of a warp's 16 in the same ones.
    const int lane = row / 16 * kWarp + row % 8 * 4, half = row / 8 % 2 * 2;
    const auto place = [&](int column) {
      return product.d[static_cast<std::size_t>(lane + column % 8 / 2)] + column / 8 * 4 + half +
             column % 2;
    };
    for (int j = 0; j < n; ++j) sums[j] = product.accumulates ? *place(j) : 0.0f;
    for (int k = 0; k < kProductBytes / bytes; ++k) {
      for (int j = 0; j < n; ++j) sums[j] += a[row][k] * b[k][j];
    }
    for (int j = 0; j < n; ++j) *place(j) = sums[j];
  }
  product.done = true;
}

}  // namespace lamina::kernels::cuda::emulator
