#include "kernels/cpu/conv2d_indirect_gemm.h"

#include "core/checked_math.h"
#include "core/parallel.h"
#include "kernels/cpu/flush_denormals.h"

#include <algorithm>

namespace lamina::kernels::cpu {
namespace {

// Panels of weights that a range takes through its pixels at once stay within this many bytes: half
// of the smallest L2 that matters (512 KiB, Zen 2 and 3), the rest is for inputs and outputs.
constexpr std::int64_t kPanelBytes = 256 * 1024;
// Ranges a thread gets on average: enough that the last one to finish is not waited for long.
constexpr std::int64_t kRangesPerThread = 16;
constexpr std::int64_t kFloatsOfLine = 16;  // 64 bytes

std::int64_t panels_of_group(const Conv2dProblem& p, int block_n) {
  return ceil_div(p.c_out / p.groups, block_n);
}

std::int64_t panel_floats(const Conv2dProblem& p, int block_n) {
  return p.kh * p.kw * (p.c_in / p.groups) * block_n;
}

// Of zeros, which a tap or a row of taps in the padding reads; nothing else is in the workspace.
std::int64_t workspace_floats(const Conv2dProblem& p) {
  const bool padded = p.pad_h > 0 || p.pad_w > 0;
  return padded ? round_up(p.kw * p.c_in / p.groups, kFloatsOfLine) : 0;
}

// How pixels and panels are cut into ranges. Panels come outermost, so that threads that work side
// by side share theirs in the outer cache.
struct Partition {
  std::int64_t groups, panels, pixels;
  std::int64_t panels_of_range, panel_ranges;
  std::int64_t pixels_of_range, pixel_ranges;

  Partition(const Conv2dProblem& p, const Conv2dPlan& plan, int threads)
      : groups(p.groups), panels(panels_of_group(p, plan.block_n)), pixels(p.n * p.oh() * p.ow()) {
    const std::int64_t panel_bytes =
        panel_floats(p, plan.block_n) * static_cast<std::int64_t>(sizeof(float));
    const std::int64_t most = std::max<std::int64_t>(kPanelBytes / panel_bytes, 1);
    panel_ranges = ceil_div(panels, most);
    panels_of_range = ceil_div(panels, panel_ranges);
    panel_ranges = ceil_div(panels, panels_of_range);

    const std::int64_t wanted = ceil_div(kRangesPerThread * threads, groups * panel_ranges);
    pixels_of_range = round_up(ceil_div(std::max<std::int64_t>(pixels, 1), wanted), plan.block_m);
    pixel_ranges = ceil_div(pixels, pixels_of_range);
  }

  std::int64_t count() const { return groups * panel_ranges * pixel_ranges; }

  IndirectRange range(std::int64_t index) const {
    const std::int64_t pixel = index % pixel_ranges * pixels_of_range;
    const std::int64_t panel = index / pixel_ranges % panel_ranges * panels_of_range;
    return {.pixel_begin = pixel,
            .pixel_end = std::min(pixel + pixels_of_range, pixels),
            .group = index / pixel_ranges / panel_ranges,
            .panel_begin = panel,
            .panel_end = std::min(panel + panels_of_range, panels)};
  }
};

void multiply(const IndirectConv& conv, const Conv2dPlan& plan, Exec exec) {
  const Partition partition(conv.problem, plan, exec.threads);
  IndirectGemmKernel* const kernel = indirect_gemm_kernel(plan.isa);
  parallel_for(exec.threads, partition.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    const FlushDenormals flush;
    for (std::int64_t i = begin; i < end; ++i) kernel(conv, partition.range(i));
  });
}

}  // namespace

std::int64_t indirect_gemm_packed_bytes(const Conv2dProblem& problem, int block_n) {
  return problem.groups * panels_of_group(problem, block_n) * panel_floats(problem, block_n) *
         static_cast<std::int64_t>(sizeof(float));
}

std::int64_t indirect_gemm_workspace_bytes(const Conv2dProblem& problem) {
  return workspace_floats(problem) * static_cast<std::int64_t>(sizeof(float));
}

void indirect_gemm_pack(const Conv2dProblem& p, int block_n, const float* weight, float* packed) {
  const std::int64_t group_c_in = p.c_in / p.groups, group_c_out = p.c_out / p.groups;
  const std::int64_t taps = p.kh * p.kw;
  const std::int64_t panels = panels_of_group(p, block_n);
  for (std::int64_t index = 0; index < p.groups * panels; ++index) {
    const std::int64_t first = index % panels * block_n;  // channel within the group
    const float* source = weight + (index / panels * group_c_out + first) * group_c_in * taps;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t c = 0; c < group_c_in; ++c, packed += block_n) {
        for (std::int64_t k = 0; k < block_n; ++k) {
          const bool exists = first + k < group_c_out;
          packed[k] = exists ? source[(k * group_c_in + c) * taps + tap] : 0;
        }
      }
    }
  }
}

void indirect_gemm_forward(const Conv2dProblem& problem, const Conv2dPlan& plan,
                           const Conv2dArgs& args, Exec exec) {
  float* const zeros = static_cast<float*>(args.workspace);
  std::fill_n(zeros, workspace_floats(problem), 0.0f);
  const IndirectConv conv{.problem = problem,
                          .block_n = plan.block_n,
                          .input = args.input,
                          .packed = static_cast<const float*>(args.weight),
                          .bias = args.bias,
                          .output = args.output,
                          .zeros = zeros};
  multiply(conv, plan, exec);
}

}  // namespace lamina::kernels::cpu
