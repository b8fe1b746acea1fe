// torch.save before 1.6: five pickles in a row, then the storages.
#pragma once

#include "serialization/pickle/builder.h"

#include <memory>

namespace lamina::serialization {

class TorchEnvironment;

/// The object of a legacy file; its storages are filled in. `owner` keeps the bytes of the cursor,
/// which all belong to the file.
/// Errors:   FormatError: bad_magic, unsupported_version, truncated, size_mismatch, hole, and those
///           of Unpickler; Unsupported for a big-endian file
pickle::Value read_legacy(pickle::ByteCursor& cursor, pickle::Arena& arena,
                          TorchEnvironment& environment, const std::shared_ptr<void>& owner);

/// Throws FormatError unsafe where the bytes at the cursor are a pickle that would run code, though
/// nobody reads it.
void refuse_unsafe(const pickle::ByteCursor& cursor, pickle::Environment& environment);

/// Refuses bytes behind the end of a pickle or file: with the name of what a pickle among them
/// would call, else as a hole.
void refuse_rest(const pickle::ByteCursor& cursor, pickle::Environment& environment);

}  // namespace lamina::serialization
