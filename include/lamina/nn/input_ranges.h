// How large the inputs of a model's convolutions become: what int8 takes from example pictures.
#pragma once

#include <map>
#include <string>

namespace lamina {

/// The largest magnitude of the input of each convolution, by dotted module name: "features.2".
using InputRanges = std::map<std::string, float>;

}  // namespace lamina
