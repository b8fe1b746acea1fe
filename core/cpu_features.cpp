#include "core/cpu_features.h"

#include <lamina/core/error.h>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <utility>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lamina {
namespace {

// What all code may use: SSE2 on x86-64, where it is next to nothing, and NEON on 64-bit Arm.
#if defined(__aarch64__)
constexpr const char* kBaseline = "neon";
#else
constexpr const char* kBaseline = "scalar";
#endif

constexpr std::array<std::pair<Isa, const char*>, 4> kIsaNames{
    {{Isa::scalar, kBaseline}, {Isa::avx2, "avx2"}, {Isa::avx512, "avx512"}, {Isa::amx, "amx"}}};

#if defined(__x86_64__)

struct CpuidResult {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidResult cpuid(unsigned leaf, unsigned subleaf) {
  CpuidResult result;
  __get_cpuid_count(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx);
  return result;
}

constexpr bool bit(unsigned word, int index) { return ((word >> index) & 1u) != 0; }

// XCR0: which register states the operating system saves on a context switch.
unsigned saved_register_states() {
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Linux saves the 8 KiB of the tiles only for processes that asked for it, and a first use without
// that is a SIGILL. Kernels before 5.16 know no such request and refuse.
bool tile_data_is_granted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM of <asm/prctl.h>
  constexpr long kTileData = 18;               // the state's bit in XCR0
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

CpuFeatures detect() {
  CpuFeatures features;
  const CpuidResult basic = cpuid(1, 0);
  const bool osxsave = bit(basic.ecx, 27);
  if (!osxsave) return features;
  const unsigned states = saved_register_states();
  const CpuidResult extended = cpuid(7, 0), more = cpuid(7, 1);
  constexpr unsigned kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
  const bool avx2 = bit(basic.ecx, 28) && bit(basic.ecx, 12) && bit(basic.ecx, 29) &&
                    bit(extended.ebx, 5) && bit(extended.ebx, 8) && (states & kYmm) == kYmm;
  if (!avx2) return features;
  features.isa = Isa::avx2;
  features.avx_vnni = bit(more.eax, 4);
  const bool avx512 = bit(extended.ebx, 16) && bit(extended.ebx, 17) && bit(extended.ebx, 28) &&
                      bit(extended.ebx, 30) && bit(extended.ebx, 31) && (states & kZmm) == kZmm;
  if (!avx512) return features;
  features.isa = Isa::avx512;
  features.avx512_vnni = bit(extended.ecx, 11);
  features.avx512_bf16 = bit(more.eax, 5);
  if (bit(extended.edx, 24) && (states & kTiles) == kTiles && tile_data_is_granted()) {
    features.isa = Isa::amx;
    features.amx_bf16 = bit(extended.edx, 22);
    features.amx_int8 = bit(extended.edx, 25);
  }
  return features;
}

#else

CpuFeatures detect() { return {}; }

#endif

}  // namespace

const char* to_string(Isa isa) { return kIsaNames[static_cast<std::size_t>(isa)].second; }

std::optional<Isa> parse_isa(std::string_view text) {
  for (const auto& [isa, name] : kIsaNames) {
    if (text == name) return isa;
  }
  if (text == "scalar") return Isa::scalar;  // on every machine
  return std::nullopt;
}

CpuFeatures CpuFeatures::capped(Isa limit) const {
  CpuFeatures result = *this;
  if (limit < result.isa) result.isa = limit;
  if (result.isa < Isa::avx2) result.avx_vnni = false;
  if (result.isa < Isa::avx512) result.avx512_vnni = result.avx512_bf16 = false;
  if (result.isa < Isa::amx) result.amx_bf16 = result.amx_int8 = false;
  return result;
}

CpuFeatures detect_cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

CpuFeatures usable_cpu_features() {
  const char* limit = std::getenv("LAMINA_ISA");
  if (limit == nullptr || *limit == '\0') return detect_cpu_features();
  const auto isa = parse_isa(limit);
  if (!isa) {
    throw InvalidArgument(fmt::format("[cpu] LAMINA_ISA={} names no instruction set", limit),
                          fmt::format("it is one of {}, avx2, avx512, amx", kBaseline));
  }
  return detect_cpu_features().capped(*isa);
}

std::string describe(const CpuFeatures& features) {
  std::string text = to_string(features.isa);
  if (features.vnni()) text += " vnni";
  if (features.avx512_bf16) text += " bf16";
  if (features.amx_bf16) text += " amx-bf16";
  if (features.amx_int8) text += " amx-int8";
  return text;
}

std::string cpu_model_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace lamina
