// A chain of steps laid out for one input size: kernels chosen, weights packed, and every value
// given its place in one arena.
#pragma once

#include <lamina/nn/session.h>

#include "nn/session/plan_builder.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lamina::nn::detail {

/// One step with what it reads and writes.
struct PlacedStep {
  Op* op;
  std::string name;
  std::vector<std::size_t> outputs;  // which of the session's
  Shape input, output;               // for max_batch images
  kernels::Layout layout;            // of both
  kernels::Layout output_layout;     // differs only behind a change of layout
  std::int64_t output_offset = 0;    // bytes into the arena, of the pass's or stretch's first image
  double time_ms = 0;
  // Of the input, where op->takes_input_range(): what was given, and what runs have seen.
  float input_range = 0, seen_range = 0;
};

/// What run() does beside running.
struct PlanWatch {
  bool times = false;   // of each step
  bool ranges = false;  // of the inputs of steps that take one
};

/// Images of a pass.
struct ImageRange {
  std::int64_t first, count;
};

/// Receives a value that was asked for, right after the step that made it, maybe in parts.
using OutputSink =
    std::function<void(const PlacedStep& step, const float* value, ImageRange images)>;

/// The plan's first steps, where their values are large: they take a few images of the batch from
/// the first step to the last, then the next ones, so that values wait in the cache and not in
/// memory for the step that reads them.
struct Stretch {
  std::size_t steps = 0;
  std::int64_t images = 1;
};

class Plan {
 public:
  /// Requires: `nodes` outlives the plan. Throws InvalidArgument where the input, [max_batch, …],
  /// does not fit the model.
  Plan(std::vector<PlanNode>& nodes, const Shape& input, const PrepareContext& context);

  /// Runs the steps on `n` <= max_batch images. The last step's value goes to `sink` too. Nothing
  /// is allocated unless a step does.
  void run(const float* input, std::int64_t n, kernels::Exec exec, PlanWatch watch,
           const OutputSink& sink);

  void reset_times() noexcept;

  const Shape& input() const noexcept { return input_; }
  const Shape& output() const noexcept { return steps_.back().output; }
  const std::vector<PlacedStep>& steps() const noexcept { return steps_; }
  std::int64_t arena_bytes() const noexcept { return arena_.defined() ? arena_.nbytes() : 0; }

 private:
  void place(std::vector<PlanNode>& nodes, const PrepareContext& context);
  void append(Op* op, std::string name, std::vector<std::size_t> outputs, const Shape& input,
              kernels::Layout layout, kernels::Layout output_layout, const PrepareContext& context);
  Stretch choose_stretch() const;
  std::int64_t place_chain(std::size_t begin, std::size_t end, std::int64_t images,
                           std::int64_t offset);
  void lay_out_arena();
  void run_steps(std::size_t begin, std::size_t end, const float* value, ImageRange images,
                 kernels::Exec exec, PlanWatch watch, const OutputSink& sink);

  Shape input_;
  std::vector<PlacedStep> steps_;
  Stretch stretch_;
  std::vector<std::unique_ptr<Op>> conversions_;  // the changes of layout that the plan put in
  Tensor arena_;
  std::int64_t workspace_offset_ = 0;
};

}  // namespace lamina::nn::detail
