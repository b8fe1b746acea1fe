// Weights and inputs that this program and PyTorch can both make to the last bit, so that golden
// outputs need no golden weights. make_fixtures.py is the other half.
#pragma once

#include <lamina/core/state_dict.h>

#include <string_view>

namespace lamina::test {

/// (integer in [-128, 127]) * scale + shift; the integer depends on the name and the index alone.
Tensor formula_tensor(std::string_view name, const Shape& shape, float scale, float shift = 0);

/// A value for each tensor of `like`, sized so that activations neither vanish nor explode.
StateDict formula_state(const StateDict& like);

/// What the fixtures were computed for.
inline Tensor formula_input(const Shape& shape) { return formula_tensor("input", shape, 0x1p-6F); }

}  // namespace lamina::test
