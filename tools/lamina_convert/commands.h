// What lamina-convert can do: one function a command.
#pragma once

#include "tools/support/run_main.h"

#include <cstdint>
#include <string>

namespace lamina::tools {

struct ConvertOptions {
  std::string first, second;  ///< FILE; IN and OUT; A and B; ARCH and OUT; MODEL and DIR
  bool tensors = false, stats = false, json = false;
  std::string dtype, arch, strip_prefix, map, key;
  std::string calibrate;  ///< a directory of pictures
  bool dequantize = false;
  std::int64_t max_shard_bytes = 0;  ///< 0: one file
  bool force = false, all = false;
  double atol = -1, rtol = -1;  ///< -1: not given
  std::int64_t seed = 0;
  // Of triton-repo.
  std::string name;  ///< empty: that of the file
  std::string device = "auto", precision = "fp32";
  std::int64_t max_batch = 8, instances = 1, threads = 0;
};

/// The table of commands and options, bound to `options`, which must outlive it.
Command convert_command(ConvertOptions& options);

ExitStatus inspect(const ConvertOptions& options, const Context& context);
ExitStatus convert(const ConvertOptions& options, const Context& context);
ExitStatus verify(const ConvertOptions& options, const Context& context);
ExitStatus diff(const ConvertOptions& options, const Context& context);
ExitStatus download(const ConvertOptions& options, const Context& context);
ExitStatus cache(const ConvertOptions& options, const Context& context);
ExitStatus init(const ConvertOptions& options, const Context& context);
ExitStatus triton_repo(const ConvertOptions& options, const Context& context);

}  // namespace lamina::tools
