// Whose names the tensors of a file have, and what would make a VGG's of them.
#pragma once

#include <lamina/core/error.h>
#include <lamina/core/state_dict.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lamina::models::detail {

/// Names that torch.nn.DataParallel has put "module." before, without it. Nothing where a name
/// lacks it, or there are none.
std::optional<StateDict> without_data_parallel(const StateDict& tensors);

/// timm's name of a VGG's tensor as torchvision has it; any other name as it is.
std::string from_timm(const std::string& name);

/// The weight of a fully connected layer, which timm keeps as a convolution over the whole input:
/// its elements lie alike. Any other tensor, and that of any other layer, as it is.
Tensor as_linear(std::string_view torchvision_name, const Tensor& tensor);

/// What has to be done for the tensors of a file to be those of one of the eight.
struct Fit {
  std::string model;             ///< "vgg16"
  std::int64_t num_classes = 0;  ///< 0: the features only, there is no classifier
  std::string prefix;            ///< to be taken off: "model."
  bool has_other_names = false;  ///< that do not begin with the prefix: to be left out
  bool timm = false;             ///< the names are timm's

  bool has_classifier() const { return num_classes > 0; }
};

/// Looks at names and shapes, never at values: it costs no more than those. Nothing where no answer
/// fits exactly.
std::optional<Fit> find_fit(const StateDict& tensors);

/// The text of load_state_dict()'s error without the place in the library that found it.
std::string_view report_of(const StateDictError& error);

/// What is wrong and what would be right, for someone who wanted `model` with that many classes.
std::string describe_misfit(const StateDict& tensors, const std::optional<Fit>& fit,
                            std::string_view model);

}  // namespace lamina::models::detail
