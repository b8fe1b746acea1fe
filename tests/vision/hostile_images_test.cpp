// What a file may do to us: nothing but an Error of one line that names it.
#include <lamina/core/error.h>
#include <lamina/vision/decode.h>

#include "tests/vision/fixtures.h"

#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>

namespace lamina::vision {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::read_fixture;

Image decode(const Bytes& bytes, const DecodeOptions& options = {}) {
  return decode_image(std::as_bytes(std::span(bytes)), "some.file", options);
}

Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }

// The error of bytes that must not decode.
std::optional<FormatErrc> error_of(const Bytes& bytes, const DecodeOptions& options = {}) {
  try {
    decode(bytes, options);
  } catch (const FormatError& error) {
    const std::string_view what = error.what();
    CHECK(what.ends_with(": some.file"));
    CHECK(what.find('\n') == std::string_view::npos);
    return error.code();
  }
  return std::nullopt;
}

std::size_t find(const Bytes& bytes, std::string_view pattern) {
  const auto at =
      std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end(),
                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
  REQUIRE(at != bytes.end());
  return static_cast<std::size_t>(at - bytes.begin());
}

void put_be32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }
}

// Makes a PNG chunk's checksum right again, so that the rule under test is the one that fires.
void repair_crc(Bytes& png, std::string_view type) {
  const std::size_t at = find(png, type);
  const std::size_t length = std::size_t{png[at - 1]} | std::size_t{png[at - 2]} << 8;
  const uLong crc = crc32(0, &png[at], static_cast<uInt>(length + 4));
  put_be32(png, at + 4 + length, static_cast<std::uint32_t>(crc));
}

Bytes png_of_size(std::uint32_t width, std::uint32_t height) {
  Bytes png = read_fixture("rgb8.png");
  const std::size_t header = find(png, "IHDR") + 4;
  put_be32(png, header, width);
  put_be32(png, header + 4, height);
  repair_crc(png, "IHDR");
  return png;
}

TEST_CASE("decode: what is no image is said to be none", "[vision][decode][hostile]") {
  CHECK(error_of({}) == FormatErrc::truncated);
  CHECK(error_of(text("<html><body>404")) == FormatErrc::bad_image);
  CHECK_THROWS_WITH(decode(text("<html><body>404")), Catch::Contains("'<html><b'"));
  CHECK_THROWS_WITH(decode({}), "an empty file, not an image: some.file");
}

TEST_CASE("decode: kinds that are known but not read are named", "[vision][decode][hostile]") {
  CHECK_THROWS_AS(decode(text("RIFF1234WEBPVP8 ")), Unsupported);
  CHECK_THROWS_WITH(decode(text("RIFF1234WEBPVP8 ")), Catch::Contains("WebP"));
  CHECK_THROWS_WITH(decode(text(std::string_view("II*\0abcd", 8))), Catch::Contains("TIFF"));
}

TEST_CASE("decode: sizes beyond the limit are refused from the header",
          "[vision][decode][hostile]") {
  Bytes jpeg = read_fixture("420.jpg");
  const std::size_t frame = find(jpeg, "\xFF\xC0");
  std::fill_n(jpeg.begin() + static_cast<std::ptrdiff_t>(frame) + 5, 4, 0xFF - 0x10);
  Bytes gif = read_fixture("palette.gif");
  std::fill_n(gif.begin() + 6, 4, 0xFF);
  Bytes bmp = read_fixture("rgb24.bmp");
  std::fill_n(bmp.begin() + 18, 3, 0xFF);
  std::fill_n(bmp.begin() + 22, 3, 0xFF);

  for (const Bytes& bytes : {jpeg, gif, bmp, png_of_size(0x7FFFFFFF, 0x7FFFFFFF)}) {
    CHECK(error_of(bytes) == FormatErrc::image_too_large);
  }
  CHECK(error_of(read_fixture("420.jpg"), {.max_pixels = 37 * 27 - 1}) ==
        FormatErrc::image_too_large);
  CHECK(error_of(read_fixture("420.jpg"), {.max_pixels = 37 * 27}) == std::nullopt);
}

TEST_CASE("decode: a PNG too short for the size it claims is refused before allocating",
          "[vision][decode][hostile]") {
  CHECK(error_of(png_of_size(13000, 13000)) == FormatErrc::truncated);
  CHECK_THROWS_WITH(decode(png_of_size(13000, 13000)), Catch::Contains("cannot hold"));
}

TEST_CASE("decode: an image without pixels is damaged", "[vision][decode][hostile]") {
  CHECK(error_of(png_of_size(0, 7)) == FormatErrc::bad_image);
  Bytes gif = read_fixture("palette.gif");
  const std::size_t frame = find(gif, std::string_view(",\0\0\0\0", 5));
  gif[frame + 5] = gif[frame + 6] = 0;
  CHECK(error_of(gif) == FormatErrc::bad_image);
}

TEST_CASE("decode png: each broken rule has its own message", "[vision][decode][png][hostile]") {
  const auto broken = [](const char* file, const std::function<void(Bytes&)>& harm) {
    Bytes bytes = read_fixture(file);
    harm(bytes);
    return bytes;
  };
  const Bytes crc = broken("rgb8.png", [](Bytes& png) { png[find(png, "IHDR") + 4] ^= 1; });
  CHECK_THROWS_WITH(decode(crc), Catch::Contains("bad checksum of the \"IHDR\" chunk"));
  const Bytes depth = broken("rgb8.png", [](Bytes& png) {
    png[find(png, "IHDR") + 12] = 4;
    repair_crc(png, "IHDR");
  });
  CHECK_THROWS_WITH(decode(depth), Catch::Contains("4 bits a sample with color type 2"));
  const Bytes method = broken("rgb8.png", [](Bytes& png) {
    png[find(png, "IHDR") + 14] = 1;
    repair_crc(png, "IHDR");
  });
  CHECK_THROWS_WITH(decode(method), Catch::Contains("unknown compression"));
  const Bytes no_palette = broken("palette8.png", [](Bytes& png) {
    png[find(png, "PLTE") + 1] = 'X';
    repair_crc(png, "PXTE");
  });
  CHECK_THROWS_WITH(decode(no_palette), Catch::Contains("no palette"));
  const Bytes no_zlib = broken("rgb8.png", [](Bytes& png) { png[find(png, "IDAT") + 4] = 0; });
  CHECK(error_of(no_zlib) == FormatErrc::bad_image);
}

TEST_CASE("decode jpeg: scans without end are refused", "[vision][decode][jpeg][hostile]") {
  const Bytes jpeg = read_fixture("grey_progressive.jpg");
  const auto first = static_cast<std::ptrdiff_t>(find(jpeg, "\xFF\xDA"));
  const auto length = static_cast<std::ptrdiff_t>(2 + jpeg[static_cast<std::size_t>(first) + 3]);
  Bytes endless(jpeg.begin(), jpeg.begin() + first);
  for (int scan = 0; scan < 1000; ++scan) {
    endless.insert(endless.end(), jpeg.begin() + first, jpeg.begin() + first + length);
  }
  endless.insert(endless.end(), {0xFF, 0xD9});
  CHECK(error_of(endless) == FormatErrc::bad_image);
  CHECK_THROWS_WITH(decode(endless), Catch::Contains("more than 500 scans"));
}

TEST_CASE("decode gif: codes that were never defined are damage",
          "[vision][decode][gif][hostile]") {
  // One frame of 2 x 2, literals of 2 bits: clear (4), then 7, which nothing has defined.
  Bytes gif = text(std::string_view("GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\2\1", 25));
  gif.insert(gif.end(), {4 | 7 << 3, 0, ';'});
  CHECK(error_of(gif) == FormatErrc::bad_image);
}

TEST_CASE("decode: every truncation of every image is an error, or complete in its pixels",
          "[vision][decode][hostile]") {
  for (const auto& entry : test::fixture_index()["images"]) {
    const std::string file = entry["file"];
    const Bytes whole = read_fixture(file);
    const Image expected = test::expected_image(entry);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      try {
        const Image image =
            decode(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        if (!(image == expected)) FAIL(file << " cut to " << size << " bytes gave other pixels");
      } catch (const Error&) {
      }
    }
  }
}

TEST_CASE("decode: no flipped byte of a small image does more than make an Error",
          "[vision][decode][hostile]") {
  const DecodeOptions small{.max_pixels = 1 << 20, .apply_exif_orientation = true};
  for (const auto& entry : test::fixture_index()["images"]) {
    const std::string file = entry["file"];
    Bytes bytes = read_fixture(file);
    if (bytes.size() > 1500) continue;
    for (std::uint8_t& byte : bytes) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        byte = static_cast<std::uint8_t>(byte ^ flip);
        try {
          decode(bytes, small);
        } catch (const Error&) {
        }
        byte = static_cast<std::uint8_t>(byte ^ flip);
      }
    }
  }
  SUCCEED();
}

}  // namespace
}  // namespace lamina::vision
