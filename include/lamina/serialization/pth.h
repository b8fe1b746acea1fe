// PyTorch's own files, `.pth` and `.pt`: read and written without Python.
//
// A pickle is a program that builds objects. This reader interprets it as data: it knows the few
// functions that rebuild tensors and plain containers, keeps objects of any other class as inert
// records, and refuses every other call by name. Nothing that a file holds is ever run.
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <filesystem>

namespace lamina::serialization {

/// Reads any kind of file that PyTorch has written: torch.save since 1.6 (zip), before (legacy), of
/// 2016-17 (tar), torch.jit.save, and plain pickles of tensors or arrays. Tensors get dotted names;
/// those of one storage share it. What is left out is told once, through the log callback.
/// Errors:   IoError; FormatError; Unsupported for tensors of a kind that Lamina does not have
///           (complex, sparse, quantised without options.dequantize), naming them
LAMINA_API StateDict load_pth(const std::filesystem::path& path, const LoadOptions& options = {});

/// Writes the zip kind, which torch.load reads with weights_only=True and with mmap=True: an
/// OrderedDict of tensors, each storage aligned to 64 bytes and stored once. metadata() has no
/// place in it.
/// Errors:   InvalidArgument for an undefined tensor or a bad name; IoError.
LAMINA_API void save_pth(const StateDict& tensors, const std::filesystem::path& path,
                         const SaveOptions& options = {});

}  // namespace lamina::serialization
