// What a classifier of pictures takes and gives: what a server tells its clients beforehand.
#pragma once

#include <lamina/models/model.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::triton {

inline constexpr const char* kInputName = "input";    ///< FP32 [c, h, w]
inline constexpr const char* kOutputName = "logits";  ///< FP32 [classes]

struct Signature {
  std::vector<std::int64_t> image;  ///< [c, h, w]; -1 where the model takes any size
  std::int64_t classes = 0;
};

/// The size is that of the preprocessing the weights were trained with; any where it has none.
/// Errors:   Unsupported where the model takes no pictures, or gives no [n, classes]
Signature signature_of(const Model& model);

/// Classes that the model gives for images of this size; nothing is run.
/// Errors:   InvalidArgument where it does not take such images; Unsupported as above
std::int64_t classes_of(const Model& model, const std::vector<std::int64_t>& image);

/// "[3, -1, -1]"
std::string to_string(const std::vector<std::int64_t>& dims);

}  // namespace lamina::triton
