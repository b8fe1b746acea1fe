// From the bytes of a JPEG, PNG, BMP or GIF file to RGB pixels, equal to those of Pillow's
// Image.open(file).convert("RGB"). The bytes are hostile: whatever they are, the answer is an image
// or an Error that names the file.
//
//   Image cat = load_image("cat.jpg");
//   Image upright = load_image("phone.jpg", {.apply_exif_orientation = true});
//
// Every function may be called from several threads at once. docs/preprocessing.md lists the
// variants of each format and the few places where a damaged file is treated unlike in Pillow.
#pragma once

#include <lamina/core/export.h>
#include <lamina/vision/image.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace lamina::vision {

struct DecodeOptions {
  /// Images of more pixels are refused from their header alone. Pillow's own limit, so that what
  /// opens there opens here: 2 * 89478485 pixels, 512 MiB of RGB. Lower it where uploads of
  /// strangers are decoded: a progressive JPEG takes up to three times as much while it decodes.
  std::int64_t max_pixels = 178956970;

  /// Turns the picture upright as its EXIF data says, as PIL.ImageOps.exif_transpose does. Off,
  /// because torchvision's transforms look at the pixels as they are stored.
  bool apply_exif_orientation = false;
};

/// The pixels of a file already in memory. Its kind is told by its first bytes, never by its name.
/// Requires: `name` is what messages call the file: its path, or "stdin"
/// Errors:   FormatError: bad_image (not an image, or damaged), truncated, image_too_large;
///           Unsupported for a kind of image that is recognised but not read (WebP, TIFF, ...)
LAMINA_API Image decode_image(std::span<const std::byte> bytes, std::string_view name,
                              const DecodeOptions& options = {});

/// The same for a file.
/// Errors:   as decode_image, and IoError where the file cannot be read
LAMINA_API Image load_image(const std::filesystem::path& path, const DecodeOptions& options = {});

}  // namespace lamina::vision
