// A download that goes well, or is refused: what it fetches, how often it asks, and what it says.
#include "tests/models/download/scene.h"
#include "tests/support/environment.h"

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using models::detail::download_file;
using models::detail::DownloadRequest;

namespace {

using Names = std::vector<std::string>;
const std::string kBytes = some_bytes(300'000);

HttpServer::Handler always(HttpReply reply) {
  return [reply](const HttpQuery&) { return reply; };
}

HttpServer::Handler serve(ServedFile file) {
  return [file = std::move(file)](const HttpQuery& query) { return file_reply(query, file); };
}

}  // namespace

TEST_CASE("download: fetches a file in one query and leaves nothing beside it",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = kBytes}));
  download_file(scene.request(server, kBytes));
  CHECK(scene.has(kBytes));
  CHECK(scene.names() == Names{"vgg16-0123.pth"});
  REQUIRE(server.queries().size() == 1);
  const HttpQuery query = server.queries()[0];
  CHECK(query.method == "GET");
  CHECK(query.path == "/vgg16-0123.pth");
  CHECK(query.header("range").empty());
  CHECK_THAT(query.header("user-agent"), Catch::StartsWith("lamina/"));
}

TEST_CASE("download: a file that is there is not asked for, nor read", "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = kBytes}));
  std::filesystem::create_directories(scene.target().parent_path());
  write_text(scene.target(), "anything");
  download_file(scene.request(server, kBytes));
  CHECK(server.queries().empty());
  CHECK(read_text(scene.target()) == "anything");
}

TEST_CASE("download: progress never falls and ends at the whole", "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = kBytes}));
  DownloadRequest request = scene.request(server, kBytes);
  std::int64_t last = 0, of = -1;
  bool falls = false;
  request.progress = [&](std::int64_t done, std::int64_t total) {
    falls = falls || done < last;
    last = done;
    of = total;
  };
  download_file(request);
  CHECK(!falls);
  CHECK(last == 300'000);
  CHECK(of == 300'000);
}

TEST_CASE("download: a server that does not say how long the file is will do",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(always({.body = kBytes, .declare_length = false}));
  download_file(scene.request(server, kBytes));
  CHECK(scene.has(kBytes));
}

TEST_CASE("download: follows redirects", "[models][download]") {
  const Scene scene;
  const HttpServer server([](const HttpQuery& query) -> HttpReply {
    if (query.number < 3)
      return {.status = 302, .headers = {{"Location", "/there"}}, .body = "<a>"};
    return file_reply(query, {.bytes = kBytes});
  });
  download_file(scene.request(server, kBytes));
  CHECK(scene.has(kBytes));
  CHECK(server.queries().back().path == "/there");
}

TEST_CASE("download: a redirect that goes round, or to a file, is an error at once",
          "[models][download]") {
  const Scene scene;
  const auto error = [&](const char* location) {
    const HttpServer server(always({.status = 302, .headers = {{"Location", location}}}));
    std::string text = error_of(scene.request(server, kBytes));
    CHECK(server.queries().size() <= 6);
    return text;
  };
  CHECK_THAT(error("/vgg16-0123.pth"), Contains("redirects") && Contains("/vgg16-0123.pth"));
  CHECK_THAT(error("file:///etc/passwd"), Contains("Protocol \"file\" not supported"));
  CHECK(scene.names().empty());
}

TEST_CASE("download: a refusal is an error at once that names the status and the URL",
          "[models][download]") {
  const Scene scene;
  const auto [status, text] = GENERATE(table<int, std::string>({{401, "401 (not authorised)"},
                                                                {403, "403 (forbidden)"},
                                                                {404, "404 (not found)"},
                                                                {418, "418"}}));
  const HttpServer server(always({.status = status, .body = "no"}));
  CHECK(error_of(scene.request(server, kBytes)) == "[download] the server answered " + text + ": " +
                                                       url_on(server) + "\nput it there by hand");
  CHECK(server.queries().size() == 1);
  CHECK(scene.names().empty());
}

TEST_CASE("download: a server in trouble is asked again", "[models][download]") {
  const Scene scene;
  const int status = GENERATE(408, 429, 500, 502, 503, 504);
  const HttpServer server([status](const HttpQuery& query) -> HttpReply {
    if (query.number < 3) return {.status = status, .body = "<html>"};
    return file_reply(query, {.bytes = kBytes});
  });
  download_file(scene.request(server, kBytes));
  CHECK(scene.has(kBytes));
  CHECK(server.queries().size() == 4);
}

TEST_CASE("download: a server that stays in trouble is given up", "[models][download]") {
  const Scene scene;
  const HttpServer server(always({.status = 503}));
  CHECK(error_of(scene.request(server, kBytes)) ==
        "[download] the server answered 503 (not available); given up after 5 tries: " +
            url_on(server) + "\nput it there by hand");
  CHECK(server.queries().size() == 5);
}

TEST_CASE("download: waits as long as Retry-After says, up to a bound", "[models][download]") {
  const Scene scene;
  const auto seconds_for = [&](const char* retry_after, int longest_ms) {
    const HttpServer server([&](const HttpQuery& query) -> HttpReply {
      if (query.number == 0) return {.status = 503, .headers = {{"Retry-After", retry_after}}};
      return file_reply(query, {.bytes = kBytes});
    });
    DownloadRequest request = scene.request(server, kBytes);
    request.pace.longest_wait = std::chrono::milliseconds(longest_ms);
    std::filesystem::remove(scene.target());
    const auto start = std::chrono::steady_clock::now();
    download_file(request);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  CHECK(seconds_for("1", 10'000) >= 1.0);
  CHECK(seconds_for("99999999999999999", 40) < 1.0);
  CHECK(seconds_for("Fri, 31 Dec 2199 23:59:59 GMT", 40) < 1.0);
}

TEST_CASE("download: where no server answers it gives up after three tries", "[models][download]") {
  const Scene scene;
  std::string url;
  DownloadRequest request;
  {
    const HttpServer gone(serve({}));
    request = scene.request(gone, kBytes);
  }
  CHECK_THAT(error_of(request), Contains("Failed to connect to 127.0.0.1") &&
                                    Contains("given up after 3 tries: " + request.url) &&
                                    Contains("\nput it there by hand"));
  CHECK(scene.names().empty());
}

TEST_CASE("download: the proxy of the environment is used", "[models][download]") {
  const Scene scene;
  const HttpServer proxy(serve({.bytes = kBytes}));
  const EnvironmentVariable http_proxy("http_proxy", proxy.url().c_str());
  const EnvironmentVariable no_proxy("no_proxy", nullptr), no_proxy2("NO_PROXY", nullptr);
  DownloadRequest request = scene.request(proxy, kBytes);
  request.url = "http://models.invalid/x.pth";
  download_file(request);
  CHECK(proxy.queries().at(0).path == "http://models.invalid/x.pth");
}

TEST_CASE("download: a web page instead of the file is told, whatever its type says",
          "[models][download]") {
  const Scene scene;
  const char* type = GENERATE("text/html; charset=utf-8", "application/octet-stream");
  const HttpServer server(
      always({.headers = {{"Content-Type", type}}, .body = "<!doctype html><p>Please log in"}));
  CHECK(error_of(scene.request(server, kBytes)) ==
        "[download] the server sent a web page instead of the file: " + url_on(server) +
            "\nput it there by hand");
  CHECK(scene.names().empty());
}

TEST_CASE("download: a file with another checksum is removed, and the error has both",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = kBytes}));
  DownloadRequest request = scene.request(server, kBytes);
  request.sha256_prefix = "397923af";
  CHECK(error_of(request) ==
        "[download] wrong SHA-256, the file was removed: expected 397923af..., got " +
            sha256_of(kBytes) + ": " + url_on(server) + "\nput it there by hand");
  CHECK(scene.names().empty());
  CHECK(server.queries().size() == 1);
}

TEST_CASE("download: a file of no bytes is not the file", "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = ""}));
  CHECK_THAT(error_of(scene.request(server, kBytes)), Contains("wrong SHA-256"));
  CHECK(scene.names().empty());
}

TEST_CASE("download: a file larger than is plausible is not taken", "[models][download]") {
  const Scene scene;
  const bool declared = GENERATE(true, false);
  const HttpServer server(always({.body = kBytes, .declare_length = declared}));
  DownloadRequest request = scene.request(server, kBytes);
  request.most_bytes = 200'000;
  CHECK_THAT(error_of(request), Contains("larger than the 0.2 MiB that are plausible"));
  CHECK(scene.names().empty());
}

TEST_CASE("download: too little space is told before anything is written", "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = kBytes}));
  DownloadRequest request = scene.request(server, kBytes);
  request.room = [](const std::filesystem::path&) { return std::int64_t{104'858}; };
  CHECK(error_of(request) == "[download] not enough space: 0.3 MiB needed, 0.1 MiB free: " +
                                 scene.target().parent_path().string() +
                                 "\nfree some, or set LAMINA_CACHE to a folder that has it");
  CHECK(scene.names().empty());
}

TEST_CASE("download: a folder that cannot be made is told", "[models][download]") {
  const Scene scene;
  const HttpServer server(serve({.bytes = kBytes}));
  write_text(scene.target().parent_path(), "a file is in the way");
  CHECK_THAT(
      error_of(scene.request(server, kBytes)),
      Contains("[download] cannot make the folder: Not a directory: ") && Contains("LAMINA_CACHE"));
}

TEST_CASE("download: a password in the URL is used and never shown", "[models][download]") {
  const Scene scene;
  const HttpServer server(always({.status = 403}));
  DownloadRequest request = scene.request(server, kBytes);
  request.url = "http://me:secret@" + request.url.substr(7);
  CHECK(error_of(request).find("secret") == std::string::npos);
  CHECK_THAT(server.queries().at(0).header("authorization"), Catch::StartsWith("Basic "));
}
