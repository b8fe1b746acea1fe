// Checksums that a mutation has broken, set right again: without this no mutated byte would get
// past them, and the code behind would never be reached. Each function changes nothing where it
// finds no such structure.
#pragma once

#include "tests/fuzz/fuzz.h"

namespace lamina::fuzz {

/// The checksum of a container's header and manifest.
void repair_container(Bytes& file);

/// The CRC-32 of every stored entry of a zip, in both headers.
void repair_zip(Bytes& file);

/// The CRC-32 of every chunk of a PNG.
void repair_png(Bytes& file);

}  // namespace lamina::fuzz
