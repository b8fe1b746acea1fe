// Small networks and inputs whose every value is fixed by a formula.
#pragma once

#include <lamina/core/tensor.h>
#include <lamina/nn/module.h>
#include <lamina/nn/sequential.h>

#include <memory>

namespace lamina::test {

/// Values that look random, in [-1, 1), and are multiples of 1/128.
Tensor pattern(const Shape& shape, std::uint32_t seed = 1);

/// Gives every floating parameter and buffer of the tree a pattern; running variances are positive.
void fill_with_patterns(nn::Module& module);

/// conv-bn-relu-pool-conv-relu-adaptive pool-flatten-linear-relu-dropout-linear on [n, 3, h, w],
/// h and w >= 4; in eval mode.
std::shared_ptr<nn::Sequential> small_network();

/// conv-relu-conv-relu-pool-conv-relu-adaptive pool-flatten-linear, 16 channels at first: at
/// 256x256 the first values take 4 MiB an image. In eval mode.
std::shared_ptr<nn::Sequential> wide_network();

/// conv-relu-conv-relu-pool-adaptive pool-flatten-linear, 64 channels: what Hopper's kernels take.
std::shared_ptr<nn::Sequential> network_of_whole_steps();

/// Like VGG: conv 3-64, 64-128, 128-128 and pooling, 128-64, each with ReLU, adaptive pool, two
/// linear layers.
std::shared_ptr<nn::Sequential> network_for_fp8();

}  // namespace lamina::test
