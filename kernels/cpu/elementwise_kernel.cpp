// ReLU and normalisation, one source for every vector width. The last elements, fewer than a
// vector, are done by the same operations one lane wide, so that their bits do not depend on the
// cut.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise_kernel.cpp"
#include "kernels/cpu/elementwise.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

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
