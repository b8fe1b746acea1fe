// The head of a container: 32 fixed bytes, then the manifest. docs/container.md is the description;
// this is its one implementation, for both directions.
#pragma once

#include <lamina/serialization/container.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace lamina::serialization {

inline constexpr std::string_view kContainerMagic = "\x89LAMINA\n";
inline constexpr std::uint16_t kContainerMajor = 1;
inline constexpr std::uint16_t kContainerMinor = 0;
inline constexpr std::int64_t kContainerHeaderBytes = 32;
/// Of `model` and `weights`, which become trees of values of many times their length.
inline constexpr std::size_t kMaxModelBytes = std::size_t{2} << 20;
inline constexpr std::size_t kMaxCheckpointBytes = std::size_t{32} << 20;

/// What a tensor's offset is a multiple of: a cache line, or for one of 64 KiB and more a page, so
/// that it can be mapped or read with direct I/O on its own.
constexpr std::int64_t container_alignment(std::int64_t nbytes) {
  return nbytes < 65'536 ? 64 : 4096;
}

/// The header and manifest of a file whose bytes these are, checked against every rule that does
/// not need the tensors' bytes; of those no byte is touched. Throws FormatError.
///
/// The manifest's own text comes along only where asked for: it may be as long as all the rest.
enum class KeepManifest { no, yes };
ContainerInfo parse_container_head(std::span<const std::byte> file_bytes,
                                   const std::filesystem::path& file,
                                   KeepManifest keep = KeepManifest::no);

/// Sets the offsets of the entries, in order, as the format demands them.
void place_tensors(ContainerInfo& info);

/// The header and manifest that describe `info`. Its length depends on the offsets but not on the
/// checksums, so a writer can put it down first and once more when the checksums are known.
std::string format_container_head(const ContainerInfo& info);

}  // namespace lamina::serialization
