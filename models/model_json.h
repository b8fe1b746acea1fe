// The two JSON texts that a container holds beside a model's tensors: its structure, and what is
// known about its weights. docs/models.md describes them.
#pragma once

#include <lamina/models/model.h>
#include <lamina/nn/layer_spec.h>

#include <string>
#include <string_view>

namespace lamina::models::detail {

/// What both texts must keep to before they become trees of values. Throws FormatError: limit (2
/// MiB, keys, depth), bad_json, duplicate_name.
void check_model_text(std::string_view text, const char* what);

/// {"type": "Conv2d", "args": {"in_channels": 3, …}, "children": [{"name": "0", "type": …}, …]}
std::string to_json(const nn::LayerSpec& spec);

/// The way back. What it returns is well-formed and of bounded size; whether such layers exist is
/// the registry's to say.
/// Errors:   FormatError: bad_json, bad_field, duplicate_name (two children of one name), bad_name
///           (an empty or dotted one), limit (deep nesting, too many layers); the message has the
///           layer's dotted path
nn::LayerSpec layer_spec_from_json(std::string_view text);

/// {"name": …, "source": …, "labels": […], "transforms": {"resize": …, "crop": …, "mean": […],
/// "std": […]}, "metrics": {…}, "input_ranges": {…}}
std::string to_json(const ModelInfo& info);

/// The way back; an empty text gives ModelInfo's defaults, as does each absent key.
/// Errors:   FormatError: bad_json, bad_field (a wrong type, a transform that makes no sense)
ModelInfo model_info_from_json(std::string_view text);

/// The text of a ModelInfo with other ranges; what else it says, known or not, stays.
/// Errors:   FormatError: bad_json, bad_field
std::string with_input_ranges(std::string_view text, const InputRanges& ranges);

}  // namespace lamina::models::detail
