#include "tools/support/about.h"

#include "core/cpu_features.h"
#include "nn/session/device_choice.h"
#include "tools/support/failure.h"
#include "tools_build_info.h"

#include <lamina/core/threads.h>
#include <lamina/core/version.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/Version.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace lamina::tools {
namespace {

using nn::detail::CudaDevices;
using nn::detail::find_cuda_devices;

std::string instruction_sets() {
  const CpuFeatures found = detect_cpu_features(), used = usable_cpu_features();
  std::string text = describe(found);
  if (found.isa != used.isa)
    text += fmt::format(" (capped to {} by LAMINA_ISA)", to_string(used.isa));
  return text;
}

std::string fmt_version() {
  return fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
}

}  // namespace

std::string version_text(const std::string& program, bool verbose) {
  std::string text = fmt::format("{} {}\n", program, version());
  if (!verbose) return text;
  text += fmt::format("commit:     {}\n", build_info::kCommit);
  text += fmt::format("compiler:   {}, {}\n", build_info::kCompiler, build_info::kBuildType);
  text += std::string_view(build_info::kCuda).empty()
              ? "CUDA:       not built\n"
              : fmt::format("CUDA:       {}, {}\n", build_info::kCuda, build_info::kCudaTargets);
  text += fmt::format("processor:  {}\n", cpu_model_name());
  text += fmt::format("isa:        {}\n", instruction_sets());
  text += fmt::format("threads:    {}\n", available_threads());
  text += fmt::format(
      "libraries:  highway {}, libjpeg-turbo {}, xxhash {}, zlib {}, fmt {}, nlohmann-json "
      "{}.{}.{}, "
      "CLI11 {}\n",
      build_info::kHighway, build_info::kJpeg, build_info::kXxhash, build_info::kZlib,
      fmt_version(), NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
      NLOHMANN_JSON_VERSION_PATCH, CLI11_VERSION);
  text += std::string_view(build_info::kCurl).empty()
              ? "downloads:  not built\n"
              : fmt::format("downloads:  libcurl {}, libcrypto {}\n", build_info::kCurl,
                            build_info::kCrypto);
  return text;
}

std::string device_list() {
  std::string text = fmt::format("cpu\t{}, {} threads, {}\n", cpu_model_name(), available_threads(),
                                 instruction_sets());
  const CudaDevices cuda = find_cuda_devices();
  if (cuda.devices.empty()) text += fmt::format("cuda\tnone: {}\n", cuda.why_none);
  for (std::size_t i = 0; i < cuda.devices.size(); ++i) {
    const auto& [description, unusable] = cuda.devices[i];
    text += fmt::format("cuda:{}\t{}{}\n", i, description,
                        unusable.empty() ? "" : " (of no use: " + unusable + ")");
  }
  return text;
}

Device check_device(const std::string& device, const std::string& precision) {
  // The driver is not started for nothing.
  const CudaDevices cuda = device == "cpu" ? CudaDevices{} : find_cuda_devices();
  Device chosen;
  try {
    chosen = nn::detail::choose_device(device, cuda).device;
  } catch (const InvalidArgument&) {
    throw UsageError(fmt::format("'{}' is not a device: --device", device),
                     "auto, cpu, cuda or cuda:N; --list-devices shows what is here");
  }
  if (nn::detail::is_precision_of(chosen.type, precision)) return chosen;
  throw UsageError(
      fmt::format("'{}' is not available on {}: --precision", precision, to_string(chosen)),
      fmt::format("{} has {}", to_string(chosen),
                  fmt::join(nn::detail::precisions_of(chosen.type), ", ")));
}

}  // namespace lamina::tools
