// What the commands share: names of kinds and dtypes, checks of a model against a state dict, and
// the rule that files are not replaced unasked.
#pragma once

#include "tools/lamina_convert/commands.h"

#include <lamina/core/state_dict.h>
#include <lamina/models/model.h>
#include <lamina/serialization/load.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::tools {

/// "f32 [64, 3, 3, 3]"
std::string describe(const Tensor& tensor);

/// ".pth" of "net.PTH": in lower case.
std::string extension_of(const std::string& path);

/// Elements of all tensors.
std::int64_t element_count(const StateDict& tensors);

/// Outputs of a VGG's last layer, as its tensors have them; ImageNet's thousand where that is
/// unclear.
std::int64_t class_count(const StateDict& tensors);

/// What the options say of reading; --key and --dequantize are for pickled files alone. Errors:
/// UsageError where one is given and no file of `paths` is pickled.
LoadOptions load_options(const ConvertOptions& options, const std::vector<std::string>& paths,
                         ByteProgress progress);

/// The one floating type of all tensors, so that a model can hold them as they are; else f32.
DType common_type(const StateDict& tensors);

/// A model of `arch` with these tensors, in their own floating type. Errors: StateDictError with
/// the report of what does not fit.
Model model_with(const std::string& arch, const StateDict& tensors, const std::string& file,
                 std::int64_t classes = 1000);

/// Throws UsageError where `path` names no kind that can be written, or is there and not `force`.
void check_target(const std::string& path, bool force);

}  // namespace lamina::tools
