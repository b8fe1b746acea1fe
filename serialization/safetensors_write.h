// What one safetensors file and the shards of a large model share.
#pragma once

#include "core/atomic_file.h"
#include "serialization/steps.h"

#include <lamina/core/state_dict.h>

namespace lamina::serialization {

/// Appends header and tensors to an empty file; the commit is the caller's. Errors: InvalidArgument
/// for tensors that safetensors cannot hold; IoError.
void write_safetensors(const StateDict& tensors, AtomicFile& file, SaveProgress& progress);

}  // namespace lamina::serialization
