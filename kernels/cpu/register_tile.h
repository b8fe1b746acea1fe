// The register tile of the matrix products: how much of a result one run through k keeps in
// registers.
#pragma once

namespace lamina::kernels::cpu {

/// In rows of the left side (output pixels, or tiles of them) and columns of the right one (output
/// channels). A problem with few channels may use the narrow tile: block_m x lanes.
struct RegisterTile {
  int block_m, block_n;
  int lanes;  // of one vector; block_n is a multiple
};

}  // namespace lamina::kernels::cpu
