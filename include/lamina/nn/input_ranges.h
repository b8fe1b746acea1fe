// How large the inputs of a model's layers become: what int8 and fp8 take from example pictures.
#pragma once

#include <map>
#include <string>

namespace lamina {

/// The largest magnitude of the input of each convolution and linear layer, by dotted module name:
/// "features.2".
using InputRanges = std::map<std::string, float>;

}  // namespace lamina
