#include "tools/support/about.h"

#include "core/cpu_features.h"
#include "tools/support/failure.h"
#include "tools_build_info.h"

#include <lamina/core/device.h>
#include <lamina/core/threads.h>
#include <lamina/core/version.h>

#include <fmt/format.h>
#include <CLI/Version.hpp>
#include <nlohmann/json.hpp>

namespace lamina::tools {
namespace {

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
  text += "CUDA:       not built\n";
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
  return fmt::format("cpu\t{}, {} threads, {}\n", cpu_model_name(), available_threads(),
                     instruction_sets());
}

void check_device(const std::string& device) {
  if (device == "auto") return;
  try {
    if (parse_device(device).type == DeviceType::cpu) return;
  } catch (const InvalidArgument&) {
    throw UsageError(fmt::format("'{}' is not a device: --device", device),
                     "auto, cpu, cuda or cuda:N; --list-devices shows what is here");
  }
  throw DeviceError(fmt::format("this build has no CUDA: --device {}", device),
                    "--device cpu, or auto; --list-devices shows what is here");
}

}  // namespace lamina::tools
