// The records of the zip format (PKWARE's APPNOTE.TXT, 4.3): signatures, sizes, special values.
#pragma once

#include <cstdint>

namespace lamina::serialization::zip {

inline constexpr std::uint32_t kLocalSignature = 0x04034b50;
inline constexpr std::uint32_t kCentralSignature = 0x02014b50;
inline constexpr std::uint32_t kEndSignature = 0x06054b50;
inline constexpr std::uint32_t kEnd64Signature = 0x06064b50;
inline constexpr std::uint32_t kLocator64Signature = 0x07064b50;

// Fixed parts; names, extra fields and comments follow.
inline constexpr std::int64_t kLocalBytes = 30;
inline constexpr std::int64_t kCentralBytes = 46;
inline constexpr std::int64_t kEndBytes = 22;
inline constexpr std::int64_t kEnd64Bytes = 56;
inline constexpr std::int64_t kLocator64Bytes = 20;

inline constexpr std::uint16_t kEncryptedFlag = 1;
inline constexpr std::uint16_t kDescriptorFlag = 8;  // CRC and sizes stand behind the data
inline constexpr std::uint16_t kUtf8Flag = 1 << 11;

inline constexpr std::uint16_t kStored = 0;
inline constexpr std::uint16_t kDeflated = 8;

inline constexpr std::uint16_t kZip64Extra = 1;
inline constexpr std::uint16_t kPaddingExtra = 0x4246;  // "FB", as PyTorch pads

// A field with this value has its real one in the zip64 extra field.
inline constexpr std::uint32_t kIn64 = 0xffffffff;
inline constexpr std::uint16_t kCountIn64 = 0xffff;

}  // namespace lamina::serialization::zip
