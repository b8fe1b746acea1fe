// What to type when the weights of a file do not fit a model.
#pragma once

#include <lamina/core/state_dict.h>

#include <string>

namespace lamina::tools {

/// Whether PyTorch, or Python's pickle, wrote the file.
bool is_pickled(const std::string& file);

/// The hint of vgg16-infer for weights that are not `model`'s: "the weights fit vgg19: -m vgg19",
/// or the lamina-convert command that makes a model of them. Empty where nothing helps.
std::string infer_hint(const std::string& file, const std::string& model);

/// The hint of lamina-convert for the tensors of `file` that are not those of --arch `model`: the
/// options to add.
std::string convert_hint(const StateDict& tensors, const std::string& file,
                         const std::string& model);

}  // namespace lamina::tools
