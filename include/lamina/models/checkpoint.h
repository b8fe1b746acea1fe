// A checkpoint: a model's state dict and beside it what a program wants to remember of the moment,
// such as the epoch and the loss, as JSON.
//
//   save(Checkpoint{.state = model.state_dict(), .data = R"({"epoch": 5, "loss": 0.4})"},
//   "c.lamina"); Checkpoint checkpoint = load_checkpoint("c.lamina");
//   model.load_state_dict(checkpoint.state);
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <filesystem>
#include <string>

namespace lamina {

struct Checkpoint {
  StateDict state = {};
  std::string data = {};  ///< any JSON value; it comes back byte for byte
};

/// Writes a container. Throws InvalidArgument where the data are not JSON, and what
/// write_container() throws.
LAMINA_API void save(const Checkpoint& checkpoint, const std::filesystem::path& path,
                     const SaveOptions& options = {});
/// Reads one; the tensors are views of the mapped file. Throws FormatError bad_field where the file
/// is a container without checkpoint data (the hint says what to do), and what read_container()
/// throws.
LAMINA_API Checkpoint load_checkpoint(const std::filesystem::path& path,
                                      const LoadOptions& options = {});

}  // namespace lamina
