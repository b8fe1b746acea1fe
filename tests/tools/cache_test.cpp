// lamina-convert download and cache, and vgg16-infer's first run, against a server of our own.
#include "tests/support/http_server.h"
#include "tests/tools/run_program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>

using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// Caches of a test's own, empty.
struct Caches {
  TemporaryFolder folder;

  std::string path(const std::string& name) const { return (folder / name).string(); }
  std::string put(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    write_text(folder / name, "0123456789");
    return path(name);
  }
  RunOptions environment(const std::string& mirror = {}) const {
    return {.environment = {"LAMINA_CACHE=" + path("lamina"), "TORCH_HOME=" + path("torch"),
                            "XDG_CACHE_HOME=" + path("xdg"), "HOME=" + path("home"),
                            "LAMINA_MIRROR=" + mirror, mirror.empty() ? "A=" : "LAMINA_OFFLINE="}};
  }
  Outcome convert(const std::vector<std::string>& arguments, const std::string& mirror = {}) const {
    return run("lamina-convert", arguments, environment(mirror));
  }
};

HttpServer::Handler page() {
  return [](const HttpQuery&) -> HttpReply { return {.status = 404, .body = "no"}; };
}

}  // namespace

TEST_CASE("lamina-convert download: prints the path of a file that is there", "[tools][download]") {
  const Caches caches;
  const std::string own = caches.put("lamina/vgg16_features-amdegroot-88682ab5.pth");
  const std::string theirs = caches.put("torch/hub/checkpoints/vgg16-397923af.pth");
  CHECK(caches.convert({"download", "vgg16"}).out == theirs + "\n");
  for (const char* name : {"vgg16.IMAGENET1K_FEATURES", "vgg16:IMAGENET1K_FEATURES"}) {
    const Outcome outcome = caches.convert({"download", name});
    CHECK(outcome.out == own + "\n");
    CHECK(outcome.err.empty());
    CHECK(outcome.status == 0);
  }
}

TEST_CASE("programs: a download that fails is status 6, one that is forbidden says so",
          "[tools][download]") {
  const Caches caches;
  const HttpServer server(page());
  const Outcome failed = caches.convert({"-q", "download", "vgg16"}, server.url());
  CHECK(failed.err ==
        "lamina-convert: error: [download] the server answered 404 (not found): " + server.url() +
            "/vgg16-397923af.pth\n  hint: put vgg16-397923af.pth into " + caches.path("lamina") +
            ", or name a weight file\n");
  CHECK(failed.out.empty());
  CHECK(failed.status == 6);
  CHECK(run("vgg16-infer", {"x.jpg"}, caches.environment(server.url())).status == 6);
  CHECK(server.queries().size() == 2);

  CHECK(caches.convert({"download", "vgg16"}).status == 6);
  const Outcome offline = run("vgg16-infer", {"x.jpg"}, caches.environment());
  CHECK_THAT(offline.err, Contains("LAMINA_OFFLINE forbids to download them"));
  CHECK(offline.status == 3);
}

TEST_CASE("lamina-convert download: Ctrl-C is status 130 and leaves a part to go on from",
          "[tools][download]") {
  const Caches caches;
  const HttpServer server([](const HttpQuery& query) {
    HttpReply reply = file_reply(query, {.bytes = std::string(1 << 20, '\x80')});
    reply.stall_after = 1 << 19;
    return reply;
  });
  RunOptions options = caches.environment(server.url());
  options.before = "timeout -s INT 0.5";
  const Outcome outcome = run("lamina-convert", {"-q", "download", "vgg16"}, options);
  CHECK(outcome.err == "lamina-convert: error: interrupted\n");
  CHECK(outcome.status == 124);  // timeout's own
  CHECK(std::filesystem::file_size(caches.path("lamina/vgg16-397923af.pth.part")) == 1 << 19);

  const Outcome list = caches.convert({"cache", "ls"});
  CHECK_THAT(list.out, Contains("vgg16-397923af.pth.part"));
  CHECK(caches.convert({"cache", "rm", "vgg16"}).status == 0);
  CHECK(std::filesystem::is_empty(caches.path("lamina")));
}

TEST_CASE("lamina-convert cache ls: what there is, in whose cache", "[tools][download]") {
  const Caches caches;
  CHECK(caches.convert({"cache", "ls"}).out.empty());
  CHECK(caches.convert({"cache", "ls", "--json"}).out == "[]\n");
  const std::string own = caches.put("lamina/vgg16-397923af.safetensors");
  const std::string theirs = caches.put("torch/hub/checkpoints/vgg19_bn-c79401a0.pth");
  const auto list = nlohmann::json::parse(caches.convert({"cache", "ls", "--json"}).out);
  REQUIRE(list.size() == 2);
  CHECK(list[0] == nlohmann::json{{"name", "vgg16.IMAGENET1K_V1"},
                                  {"file", "vgg16-397923af.safetensors"},
                                  {"bytes", 10},
                                  {"cache", "lamina"},
                                  {"path", own},
                                  {"complete", true}});
  CHECK(list[1].at("cache") == "pytorch");
  CHECK(list[1].at("path") == theirs);
  const auto rows = lines(caches.convert({"cache", "ls"}).out);
  REQUIRE(rows.size() == 3);
  CHECK_THAT(rows[0], StartsWith("name "));
  CHECK_THAT(rows[1], StartsWith("vgg16.IMAGENET1K_V1 ") && Contains("10 B"));
}

TEST_CASE("lamina-convert cache path: the folder, or a file", "[tools][download]") {
  const Caches caches;
  CHECK(caches.convert({"cache", "path"}).out == caches.path("lamina") + "\n");
  const Outcome none = caches.convert({"cache", "path", "vgg16"});
  CHECK(none.err ==
        "lamina-convert: error: not on this machine: vgg16.IMAGENET1K_V1\n"
        "  hint: lamina-convert download vgg16\n");
  CHECK(none.status == 3);
  const std::string file = caches.put("xdg/torch/hub/checkpoints/vgg16-397923af.pth");
  CHECK(caches.convert({"cache", "path", "vgg16"}).out == file + "\n");
}

TEST_CASE("lamina-convert cache rm: removes what is Lamina's, never PyTorch's",
          "[tools][download]") {
  const Caches caches;
  const std::string a = caches.put("lamina/vgg16-397923af.pth");
  const std::string b = caches.put("lamina/vgg11-8a719046.lamina");
  const std::string other = caches.put("lamina/notes.txt");
  const std::string theirs = caches.put("torch/hub/checkpoints/vgg16-397923af.pth");
  CHECK(caches.convert({"cache", "rm", "vgg16"}).out == a + "\n");
  const Outcome again = caches.convert({"cache", "rm", "vgg16"});
  CHECK_THAT(again.err, EndsWith("  hint: PyTorch has one: " + theirs + "\n"));
  CHECK(again.status == 3);
  CHECK(caches.convert({"cache", "rm", "--all"}).out == b + "\n");
  CHECK(caches.convert({"cache", "rm", "--all"}).status == 0);
  CHECK(std::filesystem::exists(other));
  CHECK(std::filesystem::exists(theirs));
}

TEST_CASE("lamina-convert download and cache: wrong command lines", "[tools][download]") {
  const Caches caches;
  const auto error = [&](const std::vector<std::string>& arguments) {
    const Outcome outcome = caches.convert(arguments);
    CHECK(outcome.status == 2);
    return outcome.err;
  };
  CHECK_THAT(error({"download"}), Contains("argument missing: NAME"));
  CHECK_THAT(error({"download", "vgg16.IMAGENET1K"}),
             EndsWith("  hint: did you mean 'vgg16.IMAGENET1K_V1'?\n"));
  CHECK_THAT(error({"cache"}), Contains("argument missing: ACTION"));
  CHECK_THAT(error({"cache", "sl"}), Contains("'sl' is not one of ls, path, rm: ACTION"));
  CHECK_THAT(error({"cache", "rm"}), Contains("rm takes either a name or --all"));
  CHECK_THAT(error({"cache", "rm", "vgg16", "--all"}), Contains("rm takes either a name or --all"));
}
