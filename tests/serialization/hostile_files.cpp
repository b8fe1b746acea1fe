#include "tests/serialization/hostile_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "serialization/zip_writer.h"
#include "tests/support/temporary_folder.h"

namespace lamina::test {
namespace {

// Storage 0, which the honest parts name: the floats 1 and 2.
constexpr std::string_view kStorage("\x00\x00\x80\x3f\x00\x00\x00\x40", 8);
constexpr std::string_view kCount("\x02\x00\x00\x00\x00\x00\x00\x00", 8);

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string in_zip(std::string_view pickle) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "a.pth";
  serialization::ZipWriter zip(path);
  for (const auto& [name, data] :
       {std::pair{"a/data.pkl", pickle}, std::pair{"a/data/0", kStorage}}) {
    zip.begin(name, static_cast<std::int64_t>(data.size()), 64);
    zip.write(std::as_bytes(std::span(data)));
    zip.end();
  }
  zip.commit();
  return read_text(path);
}

std::string in_legacy(std::string_view pickle) {
  using namespace std::string_literals;
  std::string bytes =
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s;  // the magic number
  bytes += "\x80\x02M\xe9\x03."s;                                    // 1001
  bytes += "\x80\x02}(X\x10\0\0\0protocol_versionM\xe9\x03X\x0d\0\0\0little_endian\x88u."s;
  bytes += pickle;
  bytes +=
      "\x80\x02]X\x01\0\0\0"
      "0a."s;
  return bytes.append(kCount).append(kStorage);
}

std::string tar_member(std::string_view name, std::string_view data) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 7, "0000644");
  header.replace(124, 12, fmt::format("{:011o}", data.size()) + '\0');
  header.replace(136, 12, std::string("00000000000") + '\0');
  header.replace(148, 8, "        ");
  header[156] = '0';
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  int sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  std::string padding((512 - data.size() % 512) % 512, '\0');
  return header.append(data).append(padding);
}

std::string in_tar(std::string_view pickle) {
  using namespace std::string_literals;
  const std::string none = "\x80\x02K\0."s;
  return tar_member("sys_info", "\x80\x02}X\x10\0\0\0protocol_versionM\xe8\x03s."s) +
         tar_member("pickle", pickle) + tar_member("tensors", none) +
         tar_member("storages", none + "\x80\x02]."s) + std::string(1024, '\0');
}

}  // namespace

std::vector<HostileFile> hostile_files() {
  const auto entries = nlohmann::json::parse(
      read_text(std::filesystem::path(LAMINA_TEST_DATA) / "pickles" / "hostile.json"));
  std::vector<HostileFile> files;
  for (const auto& entry : entries) {
    const std::string bytes = from_hex(entry.at("hex").get<std::string>());
    for (const std::string kind : entry.at("in")) {
      files.push_back({.name = fmt::format("{}, {}", entry.at("name").get<std::string>(), kind),
                       .bytes = kind == "zip"      ? in_zip(bytes)
                                : kind == "legacy" ? in_legacy(bytes)
                                : kind == "tar"    ? in_tar(bytes)
                                                   : bytes,
                       .outcome = entry.at("outcome"),
                       .texts = entry.at("texts")});
    }
  }
  return files;
}

}  // namespace lamina::test
