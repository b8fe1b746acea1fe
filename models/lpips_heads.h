// LPIPS's learned weights: what a difference in each channel of each stage counts.
#pragma once

#include <lamina/core/state_dict.h>

namespace lamina::models::detail {

/// "lin0.model.1.weight" [1, 64, 1, 1] to "lin4.model.1.weight" [1, 512, 1, 1], as the package
/// lpips has them; views of the program's own memory. data/lpips/ says where they come from.
const StateDict& lpips_heads();

}  // namespace lamina::models::detail
