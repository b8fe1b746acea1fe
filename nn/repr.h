// Numbers as Python prints them.
#pragma once

#include <string>

namespace lamina::nn {

/// repr(float): "0.5", "1e-05", "1.0".
std::string python_repr(double value);
/// "True" or "False".
std::string python_repr(bool value);

}  // namespace lamina::nn
