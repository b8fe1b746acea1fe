// The VGG family of Simonyan and Zisserman (2014), as torchvision builds it.
#pragma once

#include <lamina/core/error.h>
#include <lamina/core/export.h>
#include <lamina/models/model.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::models {

struct VggOptions {
  /// "" for an untrained model; "random:SEED" for the same with that seed ("" and "random" are
  /// "random:0"); "IMAGENET1K_V1" or "DEFAULT" for the published weights; or the path of a weight
  /// file.
  std::string weights = {};
  /// Shows a download in a line on stderr.
  bool progress = false;
  std::int64_t num_classes = 1000;
  double dropout = 0.5;
  /// false leaves the parameters zero: for a model whose weights are loaded next.
  bool init_weights = true;
  /// Published weights that are not on this machine are downloaded; see download_weights().
  bool download = true;
  /// Called during a download, beside what `progress` shows; see DownloadOptions.
  ByteProgress on_progress = {};
};

/// Published weights are not on this machine, and a download is not allowed; the hint says where to
/// put a file.
class LAMINA_API WeightsNotFound : public IoError {
 public:
  using IoError::IoError;
  ~WeightsNotFound() override;
};

/// Each makes a model in train mode, as PyTorch does; with weights, in eval mode.
/// Errors:   InvalidArgument for options that make no model, or published weights that have another
///           number of classes; WeightsNotFound; what download_weights() and lamina::load() throw;
///           StateDictError with the report of what does not fit, whose hint names the model that
///           would
LAMINA_API Model vgg11(const VggOptions& options = {});
LAMINA_API Model vgg11_bn(const VggOptions& options = {});
LAMINA_API Model vgg13(const VggOptions& options = {});
LAMINA_API Model vgg13_bn(const VggOptions& options = {});
LAMINA_API Model vgg16(const VggOptions& options = {});
LAMINA_API Model vgg16_bn(const VggOptions& options = {});
LAMINA_API Model vgg19(const VggOptions& options = {});
LAMINA_API Model vgg19_bn(const VggOptions& options = {});

/// "vgg11", "vgg11_bn", … "vgg19_bn".
LAMINA_API std::vector<std::string> model_names();
/// By name. Throws InvalidArgument; the hint is the nearest name.
LAMINA_API Model make_model(const std::string& name, const VggOptions& options = {});
/// The one of the eight whose names and shapes the tensors have, with these as its weights: they
/// are taken over, not copied. In eval mode. Errors:   StateDictError where they are no whole VGG;
/// the hint says what they are
LAMINA_API Model make_model_from(const StateDict& weights);
/// The thousand ImageNet class names, in the order of the logits.
LAMINA_API const std::vector<std::string>& imagenet_labels();

}  // namespace lamina::models
