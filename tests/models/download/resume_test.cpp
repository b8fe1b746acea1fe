// A download that was cut goes on where it stood, or begins anew where it cannot.
#include "tests/models/download/scene.h"

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using models::detail::download_file;
using models::detail::DownloadRequest;

namespace {

using Names = std::vector<std::string>;
const std::string kBytes = some_bytes(300'000);
constexpr std::size_t kCut = 100'000;

/// Cuts the line in the middle of the first answer; `later` makes the others.
HttpServer::Handler cut_once(ServedFile file, HttpServer::Handler later = {}) {
  return [=](const HttpQuery& query) {
    if (query.number > 0 && later) return later(query);
    HttpReply reply = file_reply(query, file);
    if (query.number == 0) reply.cut_after = kCut;
    return reply;
  };
}

/// A part that an earlier run left, and a server with the whole file.
struct Left {
  Scene scene;
  HttpServer server;

  explicit Left(HttpServer::Handler handler) : server(std::move(handler)) {}
  void part(const std::string& bytes, const std::string& etag = "\"v1\"") {
    scene.leave_part(bytes, url_on(server), etag, 300'000);
  }
  void finishes() {
    download_file(scene.request(server, kBytes));
    CHECK(scene.has(kBytes));
    CHECK(scene.names() == Names{"vgg16-0123.pth"});
  }
};

HttpReply whole_file(const HttpQuery& query) { return file_reply(query, {.bytes = kBytes}); }

}  // namespace

TEST_CASE("download: after a cut line it asks for the rest of the same file",
          "[models][download]") {
  Left left(cut_once({.bytes = kBytes}));
  left.finishes();
  const auto queries = left.server.queries();
  REQUIRE(queries.size() == 2);
  CHECK(queries[1].header("range") == "bytes=100000-");
  CHECK(queries[1].header("if-range") == "\"v1\"");
}

TEST_CASE("download: a weak ETag is no proof, the date is; without both the checksum has to do",
          "[models][download]") {
  const std::string date = "Wed, 21 Oct 2015 07:28:00 GMT";
  Left weak(cut_once({.bytes = kBytes, .etag = "W/\"v1\"", .last_modified = date}));
  weak.finishes();
  CHECK(weak.server.queries().at(1).header("if-range") == date);
  Left neither(cut_once({.bytes = kBytes, .etag = ""}));
  neither.finishes();
  CHECK(neither.server.queries().at(1).header("if-range").empty());
  CHECK(neither.server.queries().at(1).header("range") == "bytes=100000-");
}

TEST_CASE("download: headway earns new tries, so that a bad line gets there in the end",
          "[models][download]") {
  const std::string bytes = some_bytes(10'000'000);
  const Scene scene;
  const HttpServer server([&](const HttpQuery& query) {
    HttpReply reply = file_reply(query, {.bytes = bytes});
    reply.cut_after = 1'200'000;
    return reply;
  });
  download_file(scene.request(server, bytes));
  CHECK(scene.has(bytes));
  CHECK(server.queries().size() == 9);
}

TEST_CASE("download: a server that cannot send parts sends the whole again", "[models][download]") {
  Left left(cut_once({.bytes = kBytes, .ranges = false}));
  left.finishes();
  CHECK(left.server.queries().size() == 2);
}

TEST_CASE("download: a file that changed in between is fetched whole", "[models][download]") {
  Left left(cut_once({.bytes = some_bytes(250'000, 9), .etag = "\"old\""}, whole_file));
  left.finishes();
  CHECK(left.server.queries().at(1).header("if-range") == "\"old\"");
}

TEST_CASE("download: 416 and answers with another part begin it anew", "[models][download]") {
  const std::string range = GENERATE("", "bytes 5-299999/300000", "bytes 100000-299999/999999",
                                     "lines 100000-299999/300000");
  const auto second = [&](const HttpQuery& query) -> HttpReply {
    if (query.number > 1) return whole_file(query);
    if (range.empty()) return {.status = 416};
    return {.status = 206, .headers = {{"Content-Range", range}}, .body = kBytes.substr(kCut)};
  };
  Left left(cut_once({.bytes = kBytes}, second));
  left.finishes();
  REQUIRE(left.server.queries().size() == 3);
  CHECK(left.server.queries()[2].header("range").empty());
}

TEST_CASE("download: a part of a file that was not asked for is an error", "[models][download]") {
  const Scene scene;
  const HttpServer server(
      [](const HttpQuery&) -> HttpReply { return {.status = 206, .body = "x"}; });
  CHECK_THAT(error_of(scene.request(server, kBytes)),
             Contains("the server answered 206 to a request for the whole file"));
}

TEST_CASE("download: a line that stalls is given up and taken up again", "[models][download]") {
  Left left([](const HttpQuery& query) {
    HttpReply reply = whole_file(query);
    if (query.number == 0) reply.stall_after = kCut;
    return reply;
  });
  left.finishes();
  CHECK(left.server.queries().at(1).header("range") == "bytes=100000-");
}

TEST_CASE("download: what progress throws stops it, and the next run goes on",
          "[models][download]") {
  Left left([](const HttpQuery& query) {
    HttpReply reply = whole_file(query);
    reply.piece_bytes = 10'000;
    reply.pause_ms = std::chrono::milliseconds(query.number == 0 ? 2 : 0);
    return reply;
  });
  struct Stop {};
  DownloadRequest request = left.scene.request(left.server, kBytes);
  request.progress = [](std::int64_t done, std::int64_t) {
    if (done >= 50'000) throw Stop();
  };
  CHECK_THROWS_AS(download_file(request), Stop);
  CHECK(left.scene.names() == Names{"vgg16-0123.pth.part", "vgg16-0123.pth.part-info"});
  const std::string size = std::to_string(std::filesystem::file_size(left.scene.part()));
  left.finishes();
  CHECK(left.server.queries().at(1).header("range") == "bytes=" + size + "-");
}

TEST_CASE("download: a wait can be stopped too", "[models][download]") {
  const Scene scene;
  const HttpServer server([](const HttpQuery& query) -> HttpReply {
    if (query.number > 0) return whole_file(query);
    return {.status = 503, .headers = {{"Retry-After", "60"}}};
  });
  struct Stop {};
  DownloadRequest request = scene.request(server, kBytes);
  request.pace.longest_wait = std::chrono::seconds(60);
  int calls = 0;
  request.progress = [&](std::int64_t, std::int64_t) {
    if (server.queries().size() == 1 && ++calls > 5) throw Stop();
  };
  CHECK_THROWS_AS(download_file(request), Stop);
}

TEST_CASE("download: a part that is whole already is checked and named without a query",
          "[models][download]") {
  Left left(whole_file);
  left.part(kBytes);
  left.finishes();
  CHECK(left.server.queries().empty());
}

TEST_CASE(
    "download: an answer shorter than it says, again and again, is given up with the part kept",
    "[models][download]") {
  const Scene scene;
  const HttpServer server(
      [](const HttpQuery&) -> HttpReply { return {.body = kBytes, .declared_length = 400'000}; });
  CHECK_THAT(error_of(scene.request(server, kBytes)),
             Contains("given up after 5 tries") &&
                 Contains("\nrun it again to go on after 0.3 MiB; or put it there by hand"));
  CHECK(scene.names() == Names{"vgg16-0123.pth.part", "vgg16-0123.pth.part-info"});
}
