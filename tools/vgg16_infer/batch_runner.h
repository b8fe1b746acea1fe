// One batch through the net: logits to answers, arrays to their files, times to the profile.
#pragma once

#include "tools/support/console.h"
#include "tools/vgg16_infer/array_output.h"
#include "tools/vgg16_infer/image_queue.h"
#include "tools/vgg16_infer/options.h"
#include "tools/vgg16_infer/profile.h"
#include "tools/vgg16_infer/result.h"

#include <lamina/models/model.h>
#include <lamina/nn/session.h>

#include <optional>
#include <string>
#include <vector>

namespace lamina::tools {

class BatchRunner {
 public:
  /// Errors: those of Session; OutputError where a file cannot be made.
  /// `heat_layer`: the module whose output each result has as its activation; empty: none.
  BatchRunner(const Model& model, const InferOptions& options, std::int64_t max_batch,
              const std::string& heat_layer, const Console& console);

  /// A result for each image, in order; those with an error pass through. What results refer to
  /// lives until the next call.
  std::vector<Result> run(const std::vector<ReadyImage>& batch);

  /// Whether there are files beside the results.
  bool has_files() const;
  /// Puts the files in their places; gives those that got no rows and are not written.
  std::vector<std::string> finish();

  std::string device() const { return to_string(session_.device()); }
  /// "cpu, 2 threads, avx2" or "cuda:0"
  std::string where() const;
  /// "activations 25.0 MiB, packed weights 540 MiB"
  std::string memory() const;
  std::string profile_table() const { return profile_.table(); }

 private:
  Tensor gather(const std::vector<ReadyImage>& batch);
  void write_files(const Tensor& input);
  void fill(Result& result, std::int64_t row) const;

  const InferOptions& options_;
  std::string heat_layer_;
  std::vector<std::string> labels_;
  std::int64_t topk_;
  Session session_;
  Tensor input_, logits_;
  std::optional<NpyOutput> logits_file_, input_file_, feature_file_;
  std::optional<SafetensorsOutput> features_file_;
  Profile profile_;
};

}  // namespace lamina::tools
