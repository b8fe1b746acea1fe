#include "tests/models/download/scene.h"

#include "models/download/sha256.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

namespace lamina::test {

std::string some_bytes(std::size_t count, unsigned seed) {
  std::minstd_rand random(seed);
  std::string bytes(count, '\x80');
  for (std::size_t i = 1; i < count; ++i) bytes[i] = static_cast<char>(random() >> 8 & 0xFF);
  return bytes;
}

std::string sha256_of(const std::string& bytes) {
  models::detail::Sha256 digest;
  digest.update(std::as_bytes(std::span(bytes)));
  return digest.hex_digest();
}

std::string url_on(const HttpServer& server) { return server.url() + "/vgg16-0123.pth"; }

models::detail::DownloadRequest Scene::request(const HttpServer& server,
                                               const std::string& bytes) const {
  using std::chrono::milliseconds;
  return {.url = url_on(server),
          .target = target(),
          .sha256_prefix = sha256_of(bytes).substr(0, 8),
          .hint = "put it there by hand",
          .pace = {.first_wait = milliseconds(1),
                   .longest_wait = milliseconds(40),
                   .limits = {.stall_time = milliseconds(300)}}};
}

void Scene::leave_part(const std::string& bytes, const std::string& url, const std::string& etag,
                       std::int64_t total) const {
  std::filesystem::create_directories(target().parent_path());
  write_text(part(), bytes);
  write_text(info(),
             fmt::format("url {}\netag {}\nlast-modified \nbytes {}\nend\n", url, etag, total));
}

bool Scene::has(const std::string& bytes) const { return read_text(target()) == bytes; }

std::vector<std::string> Scene::names() const {
  std::vector<std::string> names;
  if (!std::filesystem::exists(target().parent_path())) return names;
  for (const auto& entry : std::filesystem::directory_iterator(target().parent_path())) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string error_of(const models::detail::DownloadRequest& request) {
  try {
    models::detail::download_file(request);
  } catch (const models::DownloadError& error) {
    return std::string(error.what()) + "\n" + error.hint();
  }
  FAIL("the download was fine");
  return {};
}

}  // namespace lamina::test
