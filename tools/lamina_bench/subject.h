// The model that is measured, its inputs, and the answers that it must give.
#pragma once

#include "tools/lamina_bench/options.h"
#include "tools/support/run_main.h"

#include <lamina/core/tensor.h>
#include <lamina/models/model.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::tools {

class Subject {
 public:
  /// Loads the model. Errors: as load_model_for() has them.
  Subject(const BenchOptions& options, const Context& context);

  const Model& model() const noexcept { return model_; }
  std::string name() const;
  double load_ms() const noexcept { return load_ms_; }
  std::int64_t size() const noexcept { return size_; }
  std::int64_t channels() const noexcept { return 3; }

  /// The model's own, or what batch() reaches where fp8 needs ranges and the model has none: one
  /// pass on the processor.
  InputRanges input_ranges(const std::string& precision) const;

  /// n images of seeded noise as a normalised picture has it; few of them are different.
  Tensor batch(std::int64_t n) const;
  /// The largest error of the logits of batch(n), relative to the largest logit, against the model
  /// run layer by layer with convolutions summed in float64. The reference is made once, when it is
  /// asked for: some seconds an image for a VGG16. Throws Failure where the answer is wrong.
  double check(const Tensor& logits);

 private:
  const Tensor& expected(std::int64_t image);

  const Context& context_;
  double too_wrong_;
  Model model_;
  double load_ms_ = 0;
  std::int64_t size_ = 0;
  std::vector<Tensor> expected_;  // of the images that differ
};

/// The same from the model's file, for --mode load. Throws UsageError where the weights are made
/// up.
Model load_again(const BenchOptions& options, const Context& context);

}  // namespace lamina::tools
