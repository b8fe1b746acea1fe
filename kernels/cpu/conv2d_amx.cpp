// How a convolution on the tile unit is laid out, put in order and spread over threads.
#include "kernels/cpu/conv2d_amx.h"

#include "core/checked_math.h"
#include "core/parallel.h"
#include "kernels/cpu/flush_denormals.h"
#include "kernels/cpu/narrow.h"
#include "kernels/grain.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace lamina::kernels::cpu {
namespace {

// Images are staged together while they take no more than this, so that the weights are read once
// for all of them; at least one image is.
constexpr std::int64_t kStagedBytes = 8 * 1024 * 1024;
// Panels that a range takes through its blocks at once: half of the L2 (2 MiB) of the first
// processors that have tiles.
constexpr std::int64_t kPanelBytes = 1024 * 1024;
// A thread's share is cut into this many ranges, so that none waits long for the last.
constexpr std::int64_t kRangesPerThread = 8;
// With fewer blocks than this a range reads a panel from L3 slower than it multiplies: a panel is
// 32 bytes a cycle of the products of one block.
constexpr std::int64_t kLeastBlocks = 8;

AmxConv describe_conv(const Conv2dProblem& p) {
  // What pooling drops is not computed; where that is all, nothing is run, but sizes are asked for.
  const std::int64_t rows = p.max_pool_2x2 ? std::max<std::int64_t>(p.stored_h() * 2, 1) : p.oh();
  const std::int64_t cols = p.max_pool_2x2 ? std::max<std::int64_t>(p.stored_w() * 2, 1) : p.ow();
  AmxConv conv{};
  conv.problem = p;
  conv.groups = ceil_div(p.c_in, kAmxChannels);
  conv.block_rows = ceil_div(rows, kAmxRows);
  conv.block_cols = ceil_div(cols, kAmxPixels);
  conv.panels = ceil_div(p.c_out, kAmxPanel);
  // As far as the taps of whole tiles reach; a block's second row is not read where it does not
  // exist.
  conv.staged_h = (rows - 1) * p.stride_h + p.dilation_h * (p.kh - 1) + 1;
  conv.staged_w = (conv.block_cols * kAmxPixels - 1) * p.stride_w + p.dilation_w * (p.kw - 1) + 1;
  return conv;
}

std::int64_t images_of_chunk(const AmxConv& conv) {
  const std::int64_t most = std::max<std::int64_t>(kStagedBytes / conv.image_bytes(), 1);
  return std::min(conv.problem.n, most);
}

// How a chunk's blocks and panels are cut into ranges. Panels come outermost, so that threads that
// work side by side share theirs in the outer cache.
struct Partition {
  std::int64_t blocks, panels;
  std::int64_t blocks_of_range, block_ranges;
  std::int64_t panels_of_range, panel_ranges;

  Partition(const AmxConv& conv, std::int64_t images, int threads)
      : blocks(images * conv.block_rows * conv.block_cols), panels(conv.panels) {
    const std::int64_t wanted = kRangesPerThread * threads;
    const std::int64_t panel_bytes = conv.steps() * 2 * kAmxTileBytes;
    panel_ranges = ceil_div(panels, std::max<std::int64_t>(kPanelBytes / panel_bytes, 1));
    block_ranges = std::clamp<std::int64_t>(wanted / panel_ranges, 1,
                                            std::max<std::int64_t>(blocks / kLeastBlocks, 1));
    // A range of few blocks reads its panels slowly: rather fewer panels than fewer blocks.
    const std::int64_t finer = std::min(panels, ceil_div(wanted, block_ranges));
    panel_ranges = std::max(panel_ranges, finer);
    if (panel_ranges * block_ranges < threads) {
      block_ranges = std::min(blocks, ceil_div(threads, panel_ranges));
    }
    panels_of_range = ceil_div(panels, panel_ranges);
    panel_ranges = ceil_div(panels, panels_of_range);
    blocks_of_range = ceil_div(blocks, block_ranges);
    block_ranges = ceil_div(blocks, blocks_of_range);
  }

  std::int64_t count() const { return panel_ranges * block_ranges; }

  AmxRange range(std::int64_t index) const {
    const std::int64_t block = index % block_ranges * blocks_of_range;
    const std::int64_t panel = index / block_ranges * panels_of_range;
    return {.block_begin = block,
            .block_end = std::min(block + blocks_of_range, blocks),
            .panel_begin = panel,
            .panel_end = std::min(panel + panels_of_range, panels)};
  }
};

void stage(const AmxConv& conv, const float* images, std::int64_t count, Exec exec) {
  const Conv2dProblem& p = conv.problem;
  const auto stage_row = amx_vector_kernels(conv.isa).stage_row;
  const std::int64_t grain = units_of_range(p.w * p.c_in);
  parallel_for(exec.threads, count * conv.staged_h, grain,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::int64_t image = row / conv.staged_h;
                   stage_row(conv, images + image * p.h * p.w * p.c_in, row % conv.staged_h,
                             conv.staged + image * conv.image_bytes());
                 }
               });
}

void multiply(const AmxConv& conv, std::int64_t images, Exec exec, AmxKernel* kernel) {
  const Partition partition(conv, images, exec.threads);
  parallel_for(exec.threads, partition.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    const FlushDenormals flush;  // as the tile unit does by itself, and always
    for (std::int64_t i = begin; i < end; ++i) kernel(conv, partition.range(i));
  });
}

// The weights of 32 input channels, one tap and 16 outputs from `k` on.
void pack_tile(const Conv2dProblem& p, const float* weight, std::int64_t k, std::int64_t c,
               std::int64_t tap, std::uint16_t* tile) {
  std::array<float, kAmxOutputs * kAmxChannels> pairs{};
  const std::int64_t taps = p.kh * p.kw;
  const std::int64_t outputs = std::min(kAmxOutputs, p.c_out - k);
  const std::int64_t channels = std::min(kAmxChannels, p.c_in - c);
  for (std::int64_t i = 0; i < outputs; ++i) {
    for (std::int64_t j = 0; j < channels; ++j) {
      const auto place = static_cast<std::size_t>((j / 2 * kAmxOutputs + i) * 2 + j % 2);
      pairs[place] = weight[((k + i) * p.c_in + c + j) * taps + tap];
    }
  }
  narrow_kernels(Isa::scalar).to_bf16(pairs.data(), kAmxOutputs * kAmxChannels, tile);
}

}  // namespace

bool amx_is_legal(const Conv2dProblem& problem) { return problem.groups == 1; }

std::int64_t amx_packed_bytes(const Conv2dProblem& problem) {
  return describe_conv(problem).steps() * ceil_div(problem.c_out, kAmxOutputs) * kAmxTileBytes;
}

std::int64_t amx_workspace_bytes(const Conv2dProblem& problem) {
  const AmxConv conv = describe_conv(problem);
  return images_of_chunk(conv) * conv.image_bytes();
}

void amx_pack(const Conv2dProblem& problem, const float* weight, void* packed, Exec exec) {
  const AmxConv conv = describe_conv(problem);
  const std::int64_t taps = problem.kh * problem.kw;
  parallel_for(exec.threads, conv.panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t k = panel * kAmxPanel;
      const std::int64_t halves = problem.c_out - k > kAmxOutputs ? 2 : 1;
      auto* tile = reinterpret_cast<std::uint16_t*>(static_cast<std::byte*>(packed) +
                                                    panel * conv.steps() * 2 * kAmxTileBytes);
      for (std::int64_t step = 0; step < conv.steps(); ++step) {
        for (std::int64_t half = 0; half < halves; ++half) {
          pack_tile(problem, weight, k + half * kAmxOutputs, step / taps * kAmxChannels,
                    step % taps, tile);
          tile += kAmxTileBytes / 2;
        }
      }
    }
  });
}

void amx_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                 Exec exec, AmxKernel* kernel) {
  assert(kernel != nullptr && "a plan with tiles for a processor without");
  if (problem.n == 0 || problem.stored_h() == 0 || problem.stored_w() == 0) return;
  AmxConv conv = describe_conv(problem);
  conv.isa = plan.isa;
  conv.staged = static_cast<std::byte*>(args.workspace);
  conv.packed = static_cast<const std::byte*>(args.weight);
  conv.bias = args.bias;
  const std::int64_t chunk = images_of_chunk(conv);
  for (std::int64_t first = 0; first < problem.n; first += chunk) {
    const std::int64_t count = std::min(chunk, problem.n - first);
    stage(conv, args.input + first * problem.h * problem.w * problem.c_in, count, exec);
    conv.output = args.output + first * problem.stored_h() * problem.stored_w() * problem.c_out;
    multiply(conv, count, exec, kernel);
  }
}

}  // namespace lamina::kernels::cpu
