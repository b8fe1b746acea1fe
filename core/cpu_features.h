// Which vector instructions this processor and its operating system offer, and how far the user
// lets us go (LAMINA_ISA). Plain C++: kernels include it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lamina {

/// Levels, each containing the ones before it. `scalar` is what every processor of the kind has,
/// and all there is but on x86-64.
enum class Isa { scalar, avx2, avx512, amx };

/// "scalar" ("neon" on 64-bit Arm), "avx2", "avx512" or "amx".
const char* to_string(Isa isa);
/// Of these names; "scalar" is understood everywhere.
std::optional<Isa> parse_isa(std::string_view text);

struct CpuFeatures {
  Isa isa = Isa::scalar;     ///< avx2 means AVX2 + FMA + F16C; avx512 means F, BW, CD, DQ and VL
  bool avx_vnni = false;     ///< in AVX's encoding, for 256-bit vectors
  bool avx512_vnni = false;  ///< for 512-bit vectors
  bool avx512_bf16 = false;
  bool amx_bf16 = false;
  bool amx_int8 = false;

  /// Whether vectors as wide as `isa`'s have dot products of 16-bit numbers.
  bool vnni() const { return isa >= Isa::avx512 ? avx512_vnni : isa == Isa::avx2 && avx_vnni; }
  /// The same processor with everything above `limit` hidden.
  CpuFeatures capped(Isa limit) const;
};

/// What the hardware and the operating system's saved state allow, whatever the user says. Where
/// there are tiles, the first call asks the operating system for this process's use of them.
CpuFeatures detect_cpu_features();

/// detect_cpu_features() capped by LAMINA_ISA. Throws InvalidArgument where that names no level.
CpuFeatures usable_cpu_features();

/// "avx2", "avx2 vnni", "avx512 vnni bf16", "amx vnni bf16 amx-bf16 amx-int8": for --version -v.
std::string describe(const CpuFeatures& features);

/// The processor's own name, "AMD EPYC 9R14", or "unknown".
std::string cpu_model_name();

}  // namespace lamina
