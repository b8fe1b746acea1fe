#include <lamina/core/error.h>

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/conv2d/conv2d_wgmma.h"

#include <catch2/catch.hpp>

namespace lamina::kernels::cuda {
namespace {

constexpr DeviceProperties kDevice{.name = {}, .compute_major = 9, .multiprocessors = 132};

Conv2dProblem conv3x3(std::int64_t n, std::int64_t c_in, std::int64_t c_out, std::int64_t size) {
  return {.conv = {.n = n,
                   .c_in = c_in,
                   .h = size,
                   .w = size,
                   .c_out = c_out,
                   .kh = 3,
                   .kw = 3,
                   .pad_h = 1,
                   .pad_w = 1,
                   .layout = Layout::nhwc},
          .precision = Precision::bf16};
}

std::string plan_of(const Conv2dProblem& problem) {
  return to_string(problem, plan_conv2d(problem, kDevice));
}

TEST_CASE("cuda conv2d plan: a tile is no wider than a group's channels ask for", "[cuda]") {
  for (const std::int64_t n : {1, 64}) {
    INFO("batch " << n);
    Conv2dProblem first = conv3x3(n, 3, 64, 224);
    CHECK(plan_of(first) == "implicit_gemm bf16 64x64x32, 4 stages, by elements");
    first.c_in_stored = 8;
    CHECK(plan_of(first) == "implicit_gemm bf16 128x64x32, 4 stages");

    Conv2dProblem second = conv3x3(n, 64, 64, 224);
    CHECK(plan_of(second) == "implicit_gemm bf16 128x64x32, 4 stages");
    second.conv.max_pool_2x2 = true;
    CHECK(plan_of(second) == "implicit_gemm bf16 128x64x32, 4 stages");
    second.precision = Precision::fp32;
    CHECK(plan_of(second) == "implicit_gemm fp32 128x64x16, 4 stages");

    CHECK(plan_of(conv3x3(n, 64, 65, 224)) == "implicit_gemm bf16 128x128x32, 4 stages");
    Conv2dProblem grouped = conv3x3(n, 128, 128, 224);
    CHECK(plan_of(grouped) == "implicit_gemm bf16 128x128x32, 4 stages");
    grouped.conv.groups = 2;
    CHECK(plan_of(grouped) == "implicit_gemm bf16 128x64x32, 4 stages");
  }
}

TEST_CASE("cuda conv2d plan: large tiles only where every multiprocessor gets one", "[cuda]") {
  for (const std::int64_t c_out : {64, 128}) {
    INFO(c_out << " channels");
    Conv2dProblem problem{
        .conv = {.n = 1, .c_in = 64, .w = 128, .c_out = c_out, .layout = Layout::nhwc}};
    problem.conv.h = kDevice.multiprocessors;
    CHECK(plan_conv2d(problem, kDevice).tile_m == 128);
    CHECK(plan_conv2d(problem, kDevice).tile_n == c_out);
    --problem.conv.h;
    CHECK(plan_conv2d(problem, kDevice).tile_m == 64);
    CHECK(plan_conv2d(problem, kDevice).tile_n == 64);
  }
}

TEST_CASE("cuda conv2d plan: a batch changes the tile, never the chunks", "[cuda]") {
  const Conv2dPlan one = plan_conv2d(conv3x3(1, 256, 64, 14), kDevice);
  const Conv2dPlan many = plan_conv2d(conv3x3(256, 256, 64, 14), kDevice);
  CHECK(one.tile_m == 64);
  CHECK(one.split);
  CHECK(many.tile_m == 128);
  CHECK(!many.split);
  CHECK(one.k_chunks == 2);
  CHECK(many.k_chunks == 2);
}

TEST_CASE("cuda conv2d plan: Hopper's tensor cores are asked for", "[cuda]") {
  Conv2dProblem problem = conv3x3(64, 256, 256, 56);
  CHECK(!plan_conv2d(problem, kDevice).wgmma);
  problem.may_wgmma = true;
  CHECK(plan_conv2d(problem, kDevice).wgmma);
  CHECK(!plan_conv2d(problem, {.name = {}, .compute_major = 8, .multiprocessors = 108}).wgmma);
  problem.conv.c_in = 3;
  CHECK(!plan_conv2d(problem, kDevice).wgmma);
}

TEST_CASE("cuda conv2d pack: tf32 weights are rounded to nearest, for tensor cores cut off",
          "[cuda]") {
  Conv2dProblem p{.conv = {.n = 1, .c_in = 4, .h = 1, .w = 1, .c_out = 1, .kh = 1, .kw = 1},
                  .precision = Precision::tf32};
  p.conv.layout = Layout::nhwc;
  const float weight[] = {1 + 0x1.8p-11f, -1 - 0x1p-11f, 1 + 0x1p-12f, 0x1p30f};
  float packed[4] = {};
  pack_conv2d_weight(p, plan_conv2d(p, kDevice), weight, packed);
  CHECK(packed[0] == 1 + 0x1p-10f);
  CHECK(packed[1] == -1 - 0x1p-10f);
  CHECK(packed[2] == 1);
  CHECK(packed[3] == 0x1p30f);
}

TEST_CASE("cuda conv2d plan: wgmma takes stride 1, one group, channels in steps of 128 bytes",
          "[cuda]") {
  const auto is_legal = [](auto&& change) {
    Conv2dProblem problem = conv3x3(1, 128, 128, 56);
    change(problem);
    return wgmma_is_legal(problem, kDevice);
  };
  CHECK(is_legal([](Conv2dProblem&) {}));
  CHECK(is_legal([](Conv2dProblem& p) { p.precision = Precision::fp16; }));
  CHECK(is_legal([](Conv2dProblem& p) { p.conv.dilation_h = 2; }));
  CHECK(is_legal([](Conv2dProblem& p) { p.precision = Precision::tf32; }));
  CHECK_FALSE(is_legal([](Conv2dProblem& p) { p.precision = Precision::fp32; }));
  CHECK_FALSE(is_legal([](Conv2dProblem& p) { p.conv.c_in = 96; }));
  CHECK_FALSE(is_legal([](Conv2dProblem& p) { p.conv.c_out = 65; }));
  CHECK_FALSE(is_legal([](Conv2dProblem& p) { p.conv.stride_w = 2; }));
  CHECK_FALSE(is_legal([](Conv2dProblem& p) { p.conv.groups = 2; }));
  CHECK_FALSE(is_legal([](Conv2dProblem& p) { p.output = Element::f32; }));
}

TEST_CASE("cuda conv2d plan: fp8 and bf16 may write each other, nothing else does", "[cuda]") {
  const auto is_legal = [](Precision precision, Element output, std::int64_t c_out = 128) {
    Conv2dProblem problem = conv3x3(1, 128, c_out, 56);
    problem.precision = precision;
    problem.output = output;
    return wgmma_is_legal(problem, kDevice);
  };
  CHECK(is_legal(Precision::fp8, Element::e4m3));
  CHECK(is_legal(Precision::fp8, Element::bf16));
  CHECK(is_legal(Precision::bf16, Element::e4m3));
  CHECK_FALSE(is_legal(Precision::fp8, Element::f16));
  CHECK_FALSE(is_legal(Precision::fp8, Element::f32));
  CHECK_FALSE(is_legal(Precision::fp16, Element::e4m3));
  // Rows of results are whole vectors of 16 bytes.
  CHECK(is_legal(Precision::fp8, Element::bf16, 72));
  CHECK_FALSE(is_legal(Precision::fp8, Element::e4m3, 72));
}

TEST_CASE("cuda conv2d plan: what only wgmma does and may not is Unsupported", "[cuda]") {
  Conv2dProblem problem = conv3x3(1, 128, 128, 56);
  problem.precision = Precision::fp8;
  CHECK_THROWS_AS(plan_conv2d(problem, kDevice), Unsupported);
  problem.may_wgmma = true;
  CHECK(plan_conv2d(problem, kDevice).wgmma);
  CHECK_THROWS_AS(plan_conv2d(problem, {.name = {}, .compute_major = 8, .multiprocessors = 108}),
                  Unsupported);
}

std::string wgmma_plan_of(std::int64_t n, std::int64_t c_in, std::int64_t c_out, std::int64_t size,
                          bool pooled) {
  Conv2dProblem problem = conv3x3(n, c_in, c_out, size);
  problem.conv.max_pool_2x2 = pooled;
  return to_string(problem, plan_wgmma(problem, kDevice));
}

TEST_CASE("cuda conv2d plan: VGG16's layers on wgmma, whole boxes at batch 64", "[cuda]") {
  CHECK(wgmma_plan_of(64, 64, 64, 224, true) ==
        "wgmma bf16 128x64x64, 8 stages, boxes of 8x16x1, cluster 2");
  CHECK(wgmma_plan_of(64, 64, 128, 112, false) ==
        "wgmma bf16 128x128x64, 6 stages, boxes of 16x8x1, cluster 2");
  CHECK(wgmma_plan_of(64, 128, 128, 112, true) ==
        "wgmma bf16 128x128x64, 6 stages, boxes of 8x16x1, cluster 2");
  CHECK(wgmma_plan_of(64, 256, 256, 56, false) ==
        "wgmma bf16 128x256x64, 4 stages, boxes of 8x8x2, cluster 2");
  CHECK(wgmma_plan_of(64, 512, 512, 28, true) ==
        "wgmma bf16 128x128x64, 6 stages, boxes of 4x4x8, cluster 2, 9 chunks");
  CHECK(wgmma_plan_of(64, 512, 512, 14, true) ==
        "wgmma bf16 128x128x64, 6 stages, boxes of 2x2x32, cluster 2, 9 chunks");
  CHECK(wgmma_plan_of(1, 512, 512, 14, false) ==
        "wgmma bf16 128x64x64, 8 stages, boxes of 16x8x1, 9 chunks split");
  CHECK(wgmma_plan_of(1, 64, 64, 224, true) ==
        "wgmma bf16 128x64x64, 8 stages, boxes of 8x16x1, cluster 2");
}

TEST_CASE("cuda conv2d plan: blocks pair up where no multiprocessor idles for it", "[cuda]") {
  const auto plan_on = [](std::int64_t boxes, int multiprocessors) {
    Conv2dProblem problem = conv3x3(boxes, 64, 64, 32);
    problem.conv.w = 4;  // an image is one box
    return plan_wgmma(problem,
                      {.name = {}, .compute_major = 9, .multiprocessors = multiprocessors});
  };
  CHECK(plan_on(132, 132).cluster == 2);
  CHECK(plan_on(131, 132).cluster == 1);  // the last pair would be half a pair
  CHECK(plan_on(264, 132).cluster == 2);
  CHECK(plan_on(264, 132).blocks == 132);
  CHECK(plan_on(263, 132).cluster == 2);
  CHECK(plan_on(13, 5).cluster == 1);  // 4 rounds, not 3, since one multiprocessor is left over
  CHECK(plan_on(14, 5).cluster == 1);
  CHECK(plan_on(16, 5).cluster == 2);
  CHECK(plan_on(16, 5).blocks == 4);
  CHECK(plan_on(16, 1).cluster == 1);

  // A cluster has whole pairs of boxes of each tile of channels.
  Conv2dProblem problem = conv3x3(263, 64, 320, 32);
  problem.conv.w = 4;
  const WgmmaShape shape = wgmma_shape(problem, plan_wgmma(problem, kDevice), 263);
  CHECK(shape.paired);
  CHECK(shape.tiles_n == 263);
  CHECK(shape.tiles == 132 * shape.tiles_c);
}

TEST_CASE("cuda conv2d plan: fp8 has half the steps, and tiles of 128 channels to store",
          "[cuda]") {
  const auto plan_at = [](std::int64_t n, std::int64_t channels, std::int64_t size) {
    Conv2dProblem problem = conv3x3(n, channels, channels, size);
    problem.precision = Precision::fp8;
    return to_string(problem, plan_wgmma(problem, kDevice));
  };
  CHECK(plan_at(64, 256, 56) == "wgmma fp8 128x256x128, 4 stages, boxes of 8x8x2, cluster 2");
  CHECK(plan_at(1, 128, 56) == "wgmma fp8 128x128x128, 6 stages, boxes of 64x2x1");
  CHECK(plan_at(64, 512, 14) ==
        "wgmma fp8 128x128x128, 6 stages, boxes of 2x2x32, cluster 2, 9 chunks");
  CHECK(plan_at(1, 512, 14) == "wgmma fp8 128x64x128, 8 stages, boxes of 16x8x1, 9 chunks split");
}

TEST_CASE("cuda conv2d plan: VGG16's linear layers on wgmma, weights as rows", "[cuda]") {
  const auto plan_at = [](std::int64_t n, std::int64_t c_in) {
    const Conv2dProblem problem{
        .conv = {.n = n, .c_in = c_in, .h = 1, .w = 1, .c_out = 4096, .kh = 1, .kw = 1},
        .precision = Precision::fp16,
        .output = Element::f32};
    CHECK(wgmma_is_legal(problem, kDevice));
    return to_string(problem, plan_wgmma(problem, kDevice));
  };
  CHECK(plan_at(1, 25088) == "wgmma fp16 128x8x64, 8 stages, weights as rows, 8 chunks split");
  CHECK(plan_at(8, 4096) == "wgmma fp16 128x8x64, 8 stages, weights as rows, 8 chunks split");
  CHECK(plan_at(9, 4096) == "wgmma fp16 128x16x64, 8 stages, weights as rows, 8 chunks split");
  CHECK(plan_at(64, 25088) == "wgmma fp16 128x64x64, 8 stages, weights as rows, 8 chunks split");
  CHECK(plan_at(1000, 72) == "wgmma fp16 128x256x64, 4 stages, weights as rows, 2 chunks split");
}

TEST_CASE("cuda conv2d plan: with wgmma too a batch never changes the chunks, and none is empty",
          "[cuda]") {
  for (const std::int64_t c_in : {64, 128, 256, 320, 512, 1024}) {
    const Conv2dPlan one = plan_wgmma(conv3x3(1, c_in, 64, 14), kDevice);
    const Conv2dPlan many = plan_wgmma(conv3x3(256, c_in, 64, 14), kDevice);
    CHECK(one.k_chunks == many.k_chunks);
    const WgmmaShape shape = wgmma_shape(conv3x3(1, c_in, 64, 14), one, 1);
    CHECK(shape.chunk_steps * (shape.k_chunks - 1) < shape.steps);
    CHECK(shape.chunk_steps * shape.k_chunks >= shape.steps);
  }
}

}  // namespace
}  // namespace lamina::kernels::cuda
