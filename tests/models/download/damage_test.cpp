// What an earlier run left may be damaged, or of another file: the next one notices.
#include "tests/models/download/scene.h"

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using models::detail::download_file;

namespace {

using Names = std::vector<std::string>;
const std::string kBytes = some_bytes(300'000);

HttpReply whole_file(const HttpQuery& query) { return file_reply(query, {.bytes = kBytes}); }

void finishes(const Scene& scene, const HttpServer& server) {
  download_file(scene.request(server, kBytes));
  CHECK(scene.has(kBytes));
  CHECK(scene.names() == Names{"vgg16-0123.pth"});
}

}  // namespace

TEST_CASE("download: a part whose bytes are damaged costs a second download, not an error",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(whole_file);
  std::string part = kBytes.substr(0, 100'000);
  part[50'000] ^= 1;
  scene.leave_part(part, url_on(server), "\"v1\"", 300'000);
  finishes(scene, server);
  REQUIRE(server.queries().size() == 2);
  CHECK(server.queries()[0].header("range") == "bytes=100000-");
  CHECK(server.queries()[1].header("range").empty());
}

TEST_CASE("download: a server whose file is wrong is not asked for it twice for the part's sake",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(whole_file);
  scene.leave_part(kBytes.substr(0, 100), url_on(server), "\"v1\"", 300'000);
  auto request = scene.request(server, kBytes);
  request.sha256_prefix = "00000000";
  CHECK_THAT(error_of(request), Contains("wrong SHA-256"));
  CHECK(server.queries().size() == 2);
  CHECK(scene.names().empty());
}

TEST_CASE("download: a part of another URL, or longer than its file, is begun anew",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(whole_file);
  const bool other_url = GENERATE(true, false);
  scene.leave_part(some_bytes(100, 7), other_url ? "http://other/" : url_on(server), "\"v1\"",
                   other_url ? 300'000 : 99);
  finishes(scene, server);
  CHECK(server.queries().at(0).header("range").empty());
}

TEST_CASE("download: a note that is cut anywhere, or is none, is not believed",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(whole_file);
  scene.leave_part(some_bytes(100, 7), url_on(server), "\"v1\"", 300'000);
  const std::string note = read_text(scene.info());
  for (std::size_t size = 0; size < note.size() - 1; size += 7) {
    std::filesystem::remove(scene.target());
    scene.leave_part(some_bytes(100, 7), url_on(server));
    write_text(scene.info(), note.substr(0, size));
    finishes(scene, server);
  }
  for (const HttpQuery& query : server.queries()) CHECK(query.header("range").empty());
  std::filesystem::remove(scene.target());
  scene.leave_part(some_bytes(100, 7), url_on(server));
  std::filesystem::remove(scene.info());
  finishes(scene, server);
}

TEST_CASE("download: the lock of a process that is gone stops nobody", "[models][download]") {
  const Scene scene;
  const HttpServer server(whole_file);
  std::filesystem::create_directories(scene.target().parent_path());
  write_text(scene.target().string() + ".lock", "");
  finishes(scene, server);
}
