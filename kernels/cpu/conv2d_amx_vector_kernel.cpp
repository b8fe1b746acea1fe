// What surrounds the tile products of a convolution: inputs to bfloat16, and sums to outputs with
// bias, ReLU and 2x2 max pooling. One source for every vector width; the bits are the same in all.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_amx_vector_kernel.cpp"
#include "kernels/cpu/conv2d_amx.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/cpu/max_or_nan-inl.h"
#include "kernels/cpu/narrow_to_bf16-inl.h"

#include <cstring>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
static_assert(kAmxOutputs % kLanes == 0, "a vector of sums is of one tile");

// The 32 channels of one pixel and group, of which `count` exist.
HWY_INLINE void StageChannels(const float* from, std::int64_t count, std::uint16_t* to) {
  if (count >= kAmxChannels) {
    for (std::int64_t i = 0; i < kAmxChannels; i += kLanes) NarrowVectorToBf16(from + i, to + i);
    return;
  }
  for (std::int64_t i = 0; i < kAmxChannels; ++i) to[i] = i < count ? NarrowOneToBf16(from[i]) : 0;
}

HWY_INLINE void ClearPixels(std::uint16_t* row, std::int64_t count) {
  std::memset(row, 0, static_cast<std::size_t>(count * kTileRowBytes));
}

void StageRow(const AmxConv& conv, const float* image, std::int64_t y, std::byte* staged) {
  const Conv2dProblem& p = conv.problem;
  const std::int64_t input_y = y - p.pad_h;
  const bool inside = input_y >= 0 && input_y < p.h;
  const auto at_most = [](std::int64_t a, std::int64_t b) HWY_ATTR { return a < b ? a : b; };
  // Columns [begin, end) are the input's, those around them padding.
  const std::int64_t begin = inside ? at_most(p.pad_w, conv.staged_w) : conv.staged_w;
  const std::int64_t end = inside ? at_most(p.pad_w + p.w, conv.staged_w) : conv.staged_w;
  for (std::int64_t group = 0; group < conv.groups; ++group) {
    auto* const row = reinterpret_cast<std::uint16_t*>(staged + group * conv.plane_bytes() +
                                                       y * conv.row_bytes());
    const std::int64_t c = group * kAmxChannels;
    ClearPixels(row, begin);
    const float* pixel = image + input_y * p.w * p.c_in + c;
    for (std::int64_t x = begin; x < end; ++x, pixel += p.c_in) {
      StageChannels(pixel, p.c_in - c, row + x * kAmxChannels);
    }
    ClearPixels(row + end * kAmxChannels, conv.staged_w - end);
  }
}

// A vector of channels of one output: the sum, or the largest of 2x2 of them.
template <bool kPool>
HWY_INLINE V SumAt(const float* sums) {
  const D d;
  const V first = hn::Load(d, sums);
  if constexpr (!kPool) return first;
  const float* const below = sums + kAmxPixels * kAmxPanel;
  const V top = MaxOrNaN(first, hn::Load(d, sums + kAmxPanel));
  const V bottom = MaxOrNaN(hn::Load(d, below), hn::Load(d, below + kAmxPanel));
  return MaxOrNaN(top, bottom);
}

template <bool kPool>
void FinishAs(const AmxSums& s) {
  const D d;
  const V floor = hn::Set(d, s.relu ? 0.0f : -std::numeric_limits<float>::infinity());
  for (std::int64_t k = 0; k < s.channels; k += kLanes) {
    const std::int64_t left = s.channels - k < kLanes ? s.channels - k : kLanes;
    HWY_ALIGN float part[kLanes] = {};
    if (s.bias != nullptr) {
      for (std::int64_t i = 0; i < left; ++i) part[i] = s.bias[k + i];
    }
    const V bias = hn::Load(d, part);
    for (std::int64_t y = 0; y < s.rows; ++y) {
      const float* sums = s.sums + y * kAmxPixels * kAmxPanel + k;
      float* output = s.output + y * s.row_stride + k;
      for (std::int64_t x = 0; x < s.cols; ++x) {
        V value = hn::Add(SumAt<kPool>(sums), bias);
        value = hn::IfThenElse(hn::Lt(value, floor), floor, value);  // NaN stays
        if (left == kLanes) {
          hn::StoreU(value, d, output);
        } else {
          hn::Store(value, d, part);
          for (std::int64_t i = 0; i < left; ++i) output[i] = part[i];
        }
        sums += (kPool ? 2 : 1) * kAmxPanel;
        output += s.pixel_stride;
      }
    }
  }
}

void Finish(const AmxSums& s) { s.max_pool_2x2 ? FinishAs<true>(s) : FinishAs<false>(s); }

constexpr AmxVectorKernels kKernels{StageRow, Finish};

}  // namespace

const AmxVectorKernels* AmxKernels() { return &kKernels; }

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

const AmxVectorKernels& amx_vector_kernels(Isa isa) { return *LAMINA_TARGET(isa, AmxKernels)(); }

}  // namespace lamina::kernels::cpu
#endif
