// Published weights by name: which files will do, and what the environment decides.
#include "core/file_descriptor.h"
#include "tests/models/download/scene.h"
#include "tests/support/environment.h"

#include <lamina/models/vgg.h>

#include <catch2/catch.hpp>

#include <fcntl.h>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using models::download_weights;

namespace {

const std::string kBytes = some_bytes(100'000);

/// Caches that are empty, and a server in the place of the real one.
struct Machine {
  HttpServer server{[](const HttpQuery& query) { return file_reply(query, {.bytes = kBytes}); }};
  TemporaryFolder folder;
  EnvironmentVariable own{"LAMINA_CACHE", (folder / "lamina").c_str()};
  EnvironmentVariable torch{"TORCH_HOME", (folder / "torch").c_str()};
  EnvironmentVariable xdg{"XDG_CACHE_HOME", nullptr};
  EnvironmentVariable home{"HOME", (folder / "home").c_str()};
  EnvironmentVariable mirror{"LAMINA_MIRROR", (server.url() + "/models/").c_str()};
  EnvironmentVariable online{"LAMINA_OFFLINE", nullptr};

  std::filesystem::path put(const char* name) const {
    const std::filesystem::path path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    write_text(path, "put here by hand");
    return path;
  }
};

/// What is written to stderr goes to a file.
class StderrToFile {
 public:
  explicit StderrToFile(const std::filesystem::path& path) : before_(::dup(STDERR_FILENO)) {
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    ::dup2(file.get(), STDERR_FILENO);
  }
  ~StderrToFile() { ::dup2(before_.get(), STDERR_FILENO); }
  StderrToFile(const StderrToFile&) = delete;
  StderrToFile& operator=(const StderrToFile&) = delete;

 private:
  FileDescriptor before_;
};

template <typename F>
std::string download_error(const F& f) {
  try {
    f();
  } catch (const models::DownloadError& error) {
    return std::string(error.what()) + "\n" + error.hint();
  }
  FAIL("no DownloadError");
  return {};
}

}  // namespace

TEST_CASE("download_weights: asks the mirror for torchvision's file and checks it",
          "[models][download]") {
  const Machine machine;
  const std::string error = download_error([] { download_weights("vgg16"); });
  CHECK_THAT(error, Contains("wrong SHA-256, the file was removed: expected 397923af..., got " +
                             sha256_of(kBytes)));
  CHECK_THAT(error,
             Contains("put vgg16-397923af.pth into " + (machine.folder / "lamina").string()));
  CHECK(machine.server.queries().at(0).path == "/models/vgg16-397923af.pth");
  CHECK(std::filesystem::is_empty(machine.folder / "lamina"));
}

TEST_CASE("download_weights: takes a file of any kind that a cache has, unread, best kind first",
          "[models][download]") {
  const Machine machine;
  const auto theirs = machine.put("torch/hub/checkpoints/vgg16-397923af.pth");
  CHECK(download_weights("vgg16", "IMAGENET1K_V1") == theirs);
  const auto pth = machine.put("lamina/vgg16-397923af.pth");
  CHECK(download_weights("vgg16") == pth);
  const auto safetensors = machine.put("lamina/vgg16-397923af.safetensors");
  CHECK(download_weights("vgg16") == safetensors);
  const auto lamina = machine.put("lamina/vgg16-397923af.lamina");
  CHECK(download_weights("vgg16") == lamina);
  CHECK(machine.server.queries().empty());
}

TEST_CASE("download_weights: knows which there are", "[models][download]") {
  const Machine machine;
  CHECK_THROWS_AS(download_weights("vgg11", "IMAGENET1K_FEATURES"), InvalidArgument);
  CHECK_THROWS_AS(download_weights("vgg61"), InvalidArgument);
  CHECK(machine.server.queries().empty());
}

TEST_CASE("download_weights: LAMINA_OFFLINE forbids it, and a file by hand is still taken",
          "[models][download]") {
  const Machine machine;
  const EnvironmentVariable offline("LAMINA_OFFLINE", "1");
  CHECK(download_error([] { download_weights("vgg16"); }) ==
        "[download] LAMINA_OFFLINE forbids to download vgg16-397923af.pth\n"
        "put vgg16-397923af.pth into " +
            (machine.folder / "lamina").string() + ", or name a weight file");
  CHECK_THROWS_AS(models::vgg16({.weights = "DEFAULT"}), models::WeightsNotFound);
  const auto pth = machine.put("lamina/vgg16-397923af.pth");
  CHECK(download_weights("vgg16") == pth);
  CHECK(machine.server.queries().empty());
}

TEST_CASE("download_weights: LAMINA_OFFLINE=0 is online; a mirror must be a web address",
          "[models][download]") {
  const Machine machine;
  const EnvironmentVariable offline("LAMINA_OFFLINE", "0");
  const EnvironmentVariable mirror("LAMINA_MIRROR", "ftp://mirror/models");
  CHECK_THAT(download_error([] { download_weights("vgg16"); }),
             Contains("LAMINA_MIRROR is no http or https URL: ftp://mirror/models"));
}

TEST_CASE("make_model: downloads published weights, unless told not to", "[models][download]") {
  const Machine machine;
  std::int64_t done = 0;
  const auto on_progress = [&](std::int64_t bytes, std::int64_t) { done = bytes; };
  CHECK_THROWS_AS(models::vgg11({.weights = "DEFAULT", .on_progress = on_progress}),
                  models::DownloadError);
  CHECK(machine.server.queries().size() == 1);
  CHECK(done == 100'000);
  CHECK_THROWS_AS(models::vgg11({.weights = "DEFAULT", .download = false}),
                  models::WeightsNotFound);
  CHECK(machine.server.queries().size() == 1);
}

TEST_CASE("make_model: progress = true shows a line on stderr, which is otherwise silent",
          "[models][download]") {
  const Machine machine;
  const auto said = [&](bool progress) {
    const StderrToFile err(machine.folder / "err");
    CHECK_THROWS_AS(models::vgg11({.weights = "DEFAULT", .progress = progress}),
                    models::DownloadError);
    return read_text(machine.folder / "err");
  };
  CHECK(said(false).empty());
  const std::string line = said(true);
  CHECK_THAT(line, Catch::StartsWith("\rvgg11-8a719046.pth: ") &&
                       Catch::EndsWith("\rvgg11-8a719046.pth: 100 % of 0.1 MiB\n"));
}
