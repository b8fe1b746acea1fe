// How the stages of a Winograd convolution are put in order and spread over threads. Bits do not
// depend on it: a tile goes through the same three sums wherever it is computed.
#include "kernels/cpu/conv2d_winograd.h"

#include "core/checked_math.h"
#include "core/parallel.h"
#include "kernels/cpu/conv2d_winograd_words.h"
#include "kernels/cpu/flush_denormals.h"

#include <algorithm>
#include <atomic>

namespace lamina::kernels::cpu {
namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);
constexpr std::int64_t kFloatsOfLine = 16;
// V and a panel's M of the tiles that one thread takes through all stages: the smallest L2 that
// matters (512 KiB, Zen 2 and 3).
constexpr std::int64_t kL2Bytes = 512 * 1024;
// V and M of the tiles that all threads work on together: they go through the shared cache.
constexpr std::int64_t kSharedBytes = 6 * 1024 * 1024;
// Each block of tiles reads all weights. Of a thread's own block they come from the shared cache,
// which takes as long as multiplying them, a vector of 8 lanes at a time, with this many tiles;
// of a shared block maybe from memory, where no fewer tiles are worth it (Zen 5, November 2026: at
// 28x28 one block of 49 takes 2.2 ms, 36 and 13 take 2.4).
constexpr std::int64_t kLeastPrivateTilesOf8Lanes = 12;
constexpr std::int64_t kLeastSharedTiles = 64;
// A thread's share of a stage is cut into this many ranges, so that none waits long for the last.
constexpr std::int64_t kRangesPerThread = 8;

// Between positions: an odd number of cache lines, or all positions of a tile fall into one set.
std::int64_t position_stride(std::int64_t floats) {
  return (ceil_div(floats, kFloatsOfLine) | 1) * kFloatsOfLine;
}

std::int64_t panels_of(const WinogradConv& conv) {
  return ceil_div(conv.problem.c_out, conv.block_n);
}

// Tiles of a block, and where its V and M lie. `private`: a block is one thread's from end to end,
// with a panel of M at a time; else all threads share it, and M has all panels.
struct Schedule {
  bool is_private;
  std::int64_t tiles;
  std::int64_t v_stride, m_stride;  // floats, from position to position
  std::int64_t v_floats, m_floats;

  Schedule(const WinogradConv& conv, bool private_blocks, std::int64_t tiles_of_block)
      : is_private(private_blocks),
        tiles(tiles_of_block),
        v_stride(position_stride(tiles * conv.v_stride)),
        m_stride(position_stride(tiles * conv.block_n)),
        v_floats(conv.positions() * v_stride),
        m_floats(conv.positions() * m_stride * (private_blocks ? 1 : panels_of(conv))) {}

  std::int64_t bytes(int threads) const {
    return (v_floats + m_floats) * kFloatBytes * (is_private ? threads : 1);
  }
};

// Whole register tiles of Winograd tiles that fit L2 with one panel's products; 0 where too few.
std::int64_t private_tiles(const WinogradConv& conv, RegisterTile tile) {
  const std::int64_t tile_bytes = conv.positions() * (conv.v_stride + conv.block_n) * kFloatBytes;
  const std::int64_t tiles = kL2Bytes / tile_bytes / tile.block_m * tile.block_m;
  return 8 * tiles >= kLeastPrivateTilesOf8Lanes * tile.lanes ? tiles : 0;
}

Schedule private_schedule(const WinogradConv& conv, RegisterTile tile) {
  return {conv, true, std::max<std::int64_t>(private_tiles(conv, tile), 1)};
}

Schedule shared_schedule(const WinogradConv& conv, RegisterTile tile) {
  const int block_m = tile.block_m;
  const std::int64_t tile_bytes =
      conv.positions() * (conv.v_stride + panels_of(conv) * conv.block_n) * kFloatBytes;
  const std::int64_t tiles =
      std::max(kSharedBytes / tile_bytes, kLeastSharedTiles) / block_m * block_m;
  const std::int64_t all = std::max<std::int64_t>(conv.tiles(), 1);
  return {conv, false, std::min(tiles, round_up(all, block_m))};
}

// Private blocks need no barrier, but V must fit L2 and there must be enough of them.
Schedule choose(const WinogradConv& conv, RegisterTile tile, int threads) {
  const std::int64_t tiles = private_tiles(conv, tile);
  const bool enough = tiles > 0 && conv.tiles() >= 4 * tiles * threads;
  return enough ? private_schedule(conv, tile) : shared_schedule(conv, tile);
}

WinogradConv describe_conv(const Conv2dProblem& problem, Conv2dAlgo algo, RegisterTile tile) {
  const int m = winograd_side(algo);
  const std::int64_t words =
      is_fixed_point(algo) ? winograd_pair_words(problem.c_in, tile.lanes) : problem.c_in;
  return {.problem = problem,
          .m = m,
          .tiles_y = ceil_div(problem.oh(), m),
          .tiles_x = ceil_div(problem.ow(), m),
          .words = words,
          .v_stride = round_up(words, kFloatsOfLine),
          .block_n = tile.block_n};
}

// The workspace in order, in words.
struct Workspace {
  std::int64_t zeros;           // what the padding reads
  std::int64_t tile_scale = 0;  // [tiles()]

  Workspace(const WinogradConv& conv, Conv2dAlgo algo)
      : zeros(round_up(conv.problem.c_in, kFloatsOfLine)) {
    if (is_fixed_point(algo)) tile_scale = round_up(conv.tiles(), kFloatsOfLine);
  }

  std::int64_t words() const { return zeros + tile_scale; }
};

struct Run {
  const WinogradConv& conv;
  const WinogradKernels& kernels;
  const Schedule& schedule;
  int block_m, threads;
  float* buffers;

  std::int64_t blocks() const { return ceil_div(conv.tiles(), schedule.tiles); }
  // Blocks differ by a register tile at most, and are whole ones but the last.
  TileRange block(std::int64_t index) const {
    const std::int64_t units = ceil_div(conv.tiles(), block_m);
    const auto begin = [&](std::int64_t i) {
      return std::min(i * units / blocks() * block_m, conv.tiles());
    };
    return {begin(index), begin(index + 1)};
  }
  const float* weights(std::int64_t panel, std::int64_t position) const {
    return conv.packed + (panel * conv.positions() + position) * conv.words * conv.block_n;
  }
  const float* scale(std::int64_t panel, std::int64_t position) const {
    if (conv.u_scale == nullptr) return nullptr;
    return conv.u_scale + (panel * conv.positions() + position) * conv.block_n;
  }
};

void take_through_stages(const Run& run, TileRange tiles, float* v, float* m) {
  const Schedule& s = run.schedule;
  const int positions = run.conv.positions();
  run.kernels.transform_input(run.conv, tiles, v, s.v_stride);
  for (std::int64_t panel = 0; panel < panels_of(run.conv); ++panel) {
    for (int position = 0; position < positions; ++position) {
      const bool last = panel + 1 == panels_of(run.conv) && position + 1 == positions;
      run.kernels.multiply({.v = v + position * s.v_stride,
                            .u = run.weights(panel, position),
                            .next_u = run.weights(panel, position + (last ? 0 : 1)),
                            .m = m + position * s.m_stride,
                            .count = tiles.count(),
                            .words = run.conv.words,
                            .v_stride = run.conv.v_stride,
                            .scale = run.scale(panel, position)});
    }
    run.kernels.transform_output(run.conv, tiles, panel, m, s.m_stride);
  }
}

void run_private(const Run& run) {
  const std::int64_t blocks = run.blocks();
  std::atomic<std::int64_t> next{0};
  // A range for each thread: it says whose buffers are whose.
  parallel_for(run.threads, run.threads, 1, [&](std::int64_t begin, std::int64_t end) {
    const FlushDenormals flush;
    for (std::int64_t slot = begin; slot < end; ++slot) {
      float* const v = run.buffers + slot * (run.schedule.v_floats + run.schedule.m_floats);
      for (std::int64_t i; (i = next.fetch_add(1)) < blocks;) {
        take_through_stages(run, run.block(i), v, v + run.schedule.v_floats);
      }
    }
  });
}

template <typename F>
void for_ranges(const Run& run, std::int64_t count, F&& f) {
  const std::int64_t grain = ceil_div(count, kRangesPerThread * run.threads);
  parallel_for(run.threads, count, grain, [&](std::int64_t begin, std::int64_t end) {
    const FlushDenormals flush;
    f(begin, end);
  });
}

void run_shared_block(const Run& run, TileRange tiles) {
  const Schedule& s = run.schedule;
  const std::int64_t panels = panels_of(run.conv), positions = run.conv.positions();
  float* const v = run.buffers;
  float* const m = v + s.v_floats;
  for_ranges(run, tiles.count(), [&](std::int64_t begin, std::int64_t end) {
    run.kernels.transform_input(run.conv, {tiles.begin + begin, tiles.begin + end},
                                v + begin * run.conv.v_stride, s.v_stride);
  });
  // Panels innermost: a position's V stays in the cache while the panels pass by.
  for_ranges(run, positions * panels, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t panel = i % panels, position = i / panels;
      const std::int64_t next = std::min(i + 1, positions * panels - 1);
      run.kernels.multiply({.v = v + position * s.v_stride,
                            .u = run.weights(panel, position),
                            .next_u = run.weights(next % panels, next / panels),
                            .m = m + (panel * positions + position) * s.m_stride,
                            .count = tiles.count(),
                            .words = run.conv.words,
                            .v_stride = run.conv.v_stride,
                            .scale = run.scale(panel, position)});
    }
  });
  for_ranges(run, tiles.count(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = 0; panel < panels; ++panel) {
      run.kernels.transform_output(run.conv, {tiles.begin + begin, tiles.begin + end}, panel,
                                   m + panel * positions * s.m_stride + begin * run.conv.block_n,
                                   s.m_stride);
    }
  });
}

void run_shared(const Run& run) {
  for (std::int64_t i = 0; i < run.blocks(); ++i) run_shared_block(run, run.block(i));
}

}  // namespace

bool winograd_is_legal(const Conv2dProblem& p) {
  return p.kh == 3 && p.kw == 3 && p.stride_h == 1 && p.stride_w == 1 && p.dilation_h == 1 &&
         p.dilation_w == 1 && p.groups == 1;
}

std::int64_t winograd_packed_bytes(const Conv2dProblem& problem, Conv2dAlgo algo,
                                   RegisterTile tile) {
  const WinogradConv conv = describe_conv(problem, algo, tile);
  const std::int64_t scales =
      is_fixed_point(algo) ? 1 : 0;  // a word of scale beside the words of U
  return panels_of(conv) * conv.block_n * conv.positions() * (conv.words + scales) * kFloatBytes;
}

std::int64_t winograd_workspace_bytes(const Conv2dProblem& problem, Conv2dAlgo algo,
                                      RegisterTile tile, int threads) {
  const WinogradConv conv = describe_conv(problem, algo, tile);
  // A call with fewer images may choose the other way.
  std::int64_t bytes = shared_schedule(conv, tile).bytes(threads);
  if (private_tiles(conv, tile) > 0) {
    bytes = std::max(bytes, private_schedule(conv, tile).bytes(threads));
  }
  return Workspace(conv, algo).words() * kFloatBytes + bytes;
}

void winograd_pack(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                   float* packed, Exec exec) {
  const RegisterTile tile = winograd_tile(plan.isa);
  const WinogradConv conv = describe_conv(problem, plan.algo, tile);
  if (is_fixed_point(plan.algo)) return winograd_pack_words(conv, plan, weight, packed, exec);
  WinogradPackKernel* const pack = winograd_pack_kernel(plan.isa, conv.m);
  const std::int64_t panel_floats = conv.positions() * conv.words * conv.block_n;
  parallel_for(exec.threads, panels_of(conv), 1, [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; ++begin) pack(problem, weight, begin, packed + begin * panel_floats);
  });
}

void winograd_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                      Exec exec) {
  if (problem.n == 0 || problem.stored_h() == 0 || problem.stored_w() == 0) return;
  const int threads = std::min(exec.threads, plan.threads);
  const RegisterTile tile = winograd_tile(plan.isa);
  WinogradConv conv = describe_conv(problem, plan.algo, tile);
  const Workspace workspace(conv, plan.algo);
  float* const zeros = static_cast<float*>(args.workspace);
  std::fill_n(zeros, workspace.zeros, 0.0f);
  conv.input = args.input;
  conv.packed = static_cast<const float*>(args.weight);
  conv.bias = args.bias;
  conv.output = args.output;
  conv.zeros = zeros;
  WinogradKernels kernels = winograd_kernels(plan.isa, conv.m);
  if (is_fixed_point(plan.algo)) {
    conv.tile_scale = zeros + workspace.zeros;
    conv.u_scale = conv.packed + panels_of(conv) * conv.positions() * conv.words * conv.block_n;
    conv.input_range = args.input_range;
    const WinogradKernels& first = winograd_q15_kernels(plan.isa, conv.m, plan.vnni);
    kernels.transform_input = first.transform_input;
    kernels.multiply = first.multiply;
  }
  const Schedule schedule = choose(conv, tile, threads);
  const Run run{.conv = conv,
                .kernels = kernels,
                .schedule = schedule,
                .block_m = tile.block_m,
                .threads = threads,
                .buffers = zeros + workspace.words()};
  schedule.is_private ? run_private(run) : run_shared(run);
}

}  // namespace lamina::kernels::cpu
