// Largest and average of a window, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool2d_kernel.cpp"
#include "kernels/cpu/pool2d.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/for_each_vector-inl.h"
#include "kernels/cpu/max_or_nan-inl.h"

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

// Folds the taps at one position of the channels, row by row: fold(fold(start, tap), tap) …
template <typename Tag, typename Fold>
HWY_INLINE hn::Vec<Tag> FoldWindow(Tag d, const PoolWindow& window, std::int64_t c, float start,
                                   Fold&& fold) {
  hn::Vec<Tag> result = hn::Set(d, start);
  const float* row = window.first + c;
  for (std::int64_t i = 0; i < window.rows; ++i, row += window.row_step) {
    const float* tap = row;
    for (std::int64_t j = 0; j < window.cols; ++j, tap += window.col_step) {
      result = fold(result, hn::LoadU(d, tap));
    }
  }
  return result;
}

}  // namespace

void MaxWindow(const PoolWindow& window, float* output) {
  constexpr float kStart = -std::numeric_limits<float>::infinity();
  ForEachVector(window.c, [&](auto d, std::int64_t c) {
    const auto largest =
        FoldWindow(d, window, c, kStart, [](auto best, auto tap) { return MaxOrNaN(best, tap); });
    hn::StoreU(largest, d, output + c);
  });
}

void AverageWindow(const PoolWindow& window, float divisor, float* output) {
  ForEachVector(window.c, [&](auto d, std::int64_t c) {
    const auto sum =
        FoldWindow(d, window, c, 0.0f, [](auto total, auto tap) { return hn::Add(total, tap); });
    hn::StoreU(hn::Div(sum, hn::Set(d, divisor)), d, output + c);
  });
}

void Max2x2(const float* top, const float* bottom, std::int64_t ow, float* output) {
  ForEachVector(ow, [&](auto d, std::int64_t x) {
    hn::Vec<decltype(d)> a, b, c, e;
    hn::LoadInterleaved2(d, top + 2 * x, a, b);
    hn::LoadInterleaved2(d, bottom + 2 * x, c, e);
    hn::StoreU(MaxOrNaN(MaxOrNaN(a, b), MaxOrNaN(c, e)), d, output + x);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

MaxWindowKernel* max_window_kernel(Isa isa) { return LAMINA_TARGET(isa, MaxWindow); }
AverageWindowKernel* average_window_kernel(Isa isa) { return LAMINA_TARGET(isa, AverageWindow); }
Max2x2Kernel* max_2x2_kernel(Isa isa) { return LAMINA_TARGET(isa, Max2x2); }

}  // namespace lamina::kernels::cpu
#endif
