// ReLU and normalisation, one source for every vector width. The last elements, fewer than a
// vector, are done by the same operations one lane wide, so that their bits do not depend on the
// cut.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise_kernel.cpp"
#include "kernels/cpu/elementwise.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using D1 = hn::CappedTag<float, 1>;

template <typename Tag>
HWY_INLINE void ReluAt(Tag d, const float* input, float* output) {
  const auto x = hn::LoadU(d, input);
  hn::StoreU(hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x), d, output);  // NaN stays
}

template <typename Tag>
HWY_INLINE void NormaliseAt(Tag d, const float* input, float* output, hn::Vec<Tag> mean,
                            hn::Vec<Tag> scale, hn::Vec<Tag> bias) {
  const auto centred = hn::Sub(hn::LoadU(d, input), mean);
  hn::StoreU(hn::MulAdd(centred, scale, bias), d, output);
}

// Calls f(tag, i) for vectors and then for single elements that cover [0, count).
template <typename F>
HWY_INLINE void ForEachVector(std::int64_t count, F&& f) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) f(d, i);
  for (; i < count; ++i) f(D1(), i);
}

}  // namespace

void Relu(const float* input, float* output, std::int64_t count) {
  ForEachVector(count, [&](auto d, std::int64_t i) { ReluAt(d, input + i, output + i); });
}

void NormalisePlane(const float* input, float* output, std::int64_t count, const Affine& channel) {
  ForEachVector(count, [&](auto d, std::int64_t i) {
    NormaliseAt(d, input + i, output + i, hn::Set(d, channel.mean), hn::Set(d, channel.scale),
                hn::Set(d, channel.bias));
  });
}

void NormaliseChannels(const float* input, float* output, std::int64_t pixels, std::int64_t c,
                       std::int64_t stride, const AffineChannels& channels) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel, input += stride, output += stride) {
    ForEachVector(c, [&](auto d, std::int64_t i) {
      NormaliseAt(d, input + i, output + i, hn::LoadU(d, channels.mean + i),
                  hn::LoadU(d, channels.scale + i), hn::LoadU(d, channels.bias + i));
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

ReluKernel* relu_kernel(Isa isa) { return LAMINA_TARGET(isa, Relu); }

NormalisePlaneKernel* normalise_plane_kernel(Isa isa) { return LAMINA_TARGET(isa, NormalisePlane); }

NormaliseChannelsKernel* normalise_channels_kernel(Isa isa) {
  return LAMINA_TARGET(isa, NormaliseChannels);
}

}  // namespace lamina::kernels::cpu
#endif
