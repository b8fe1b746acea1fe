// What the kernels' tests share: buffers that notice a stray write, inputs, and comparisons whose
// answer is a text that is empty where all is well.
#pragma once

#include "core/cpu_features.h"

#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <vector>

namespace lamina::test {

using Floats = std::vector<float>;

/// Memory aligned to 64 bytes, as packed weights and workspaces must be.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::int64_t size_bytes)
      : data_(size_bytes > 0 ? ::operator new(static_cast<std::size_t>(size_bytes), kAlign)
                             : nullptr) {}
  ~AlignedBytes() { ::operator delete(data_, kAlign); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;

  void* data() const { return data_; }

 private:
  static constexpr std::align_val_t kAlign{64};
  void* data_;
};

/// An output full of NaN between two guards. `shift` floats move it off every alignment.
class GuardedOutput {
 public:
  explicit GuardedOutput(std::int64_t count, std::int64_t shift = 0);

  float* data() { return floats_.data() + begin_; }
  Floats values() const;
  bool guards_intact() const;

 private:
  std::int64_t begin_, count_;
  Floats floats_;
};

/// Integers of [-8, 8]: their products, and sums of up to 2^18 of those, are exact in float.
Floats small_integers(std::int64_t count, std::uint32_t seed);
/// Roughly normal, with mean 0 and deviation 1.
Floats reals(std::int64_t count, std::uint32_t seed);
Floats absolute(Floats values);

/// This machine's features, capped at each level it has: scalar first.
std::vector<CpuFeatures> every_isa();

/// Sets LAMINA_ISA, which kernels without a plan obey, and puts the old value back.
class ScopedIsa {
 public:
  explicit ScopedIsa(Isa isa);
  ~ScopedIsa();
  ScopedIsa(const ScopedIsa&) = delete;
  ScopedIsa& operator=(const ScopedIsa&) = delete;

 private:
  std::string old_;
};

/// "" or the first index at which the two differ. Equal means == or both NaN.
std::string difference(const Floats& expected, const Floats& actual);
/// "" or the first index at which !(|expected - actual| <= bound(index)).
std::string excess(const Floats& expected, const Floats& actual,
                   const std::function<double(std::size_t)>& bound);
/// "" or the first index at which the bits differ.
std::string bit_difference(const Floats& expected, const Floats& actual);

}  // namespace lamina::test
