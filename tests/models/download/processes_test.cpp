// Several processes at once, processes that are killed, and one whose disk is full.
#include "tests/models/download/scene.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using models::detail::download_file;
using std::chrono::milliseconds;

namespace {

using Names = std::vector<std::string>;
const std::string kBytes = some_bytes(300'000);

/// 30 pieces, 5 ms apart.
HttpReply trickle(const HttpQuery& query) {
  HttpReply reply = file_reply(query, {.bytes = kBytes});
  reply.piece_bytes = 10'000;
  reply.pause_ms = milliseconds(5);
  return reply;
}

/// The fetch_file program; what it says goes to a file.
class Fetcher {
 public:
  Fetcher(const HttpServer& server, const Scene& scene, const char* largest = nullptr) {
    const std::string url = url_on(server), target = scene.target().string();
    const std::string sha = sha256_of(kBytes), said = (said_ / "err").string();
    std::array<const char*, 6> arguments{LAMINA_FETCH_FILE, url.c_str(), target.c_str(),
                                         sha.c_str(),       largest,     nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, said.c_str(), O_WRONLY | O_CREAT,
                                       0600);
    const int failed = ::posix_spawn(&process_, arguments[0], &actions, nullptr,
                                     const_cast<char**>(arguments.data()), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    REQUIRE(failed == 0);
  }
  void kill() const { ::kill(process_, SIGKILL); }
  /// The exit status, or 128 + the signal.
  int wait() const {
    int status = 0;
    ::waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string said() const { return read_text(said_ / "err"); }

 private:
  TemporaryFolder said_;
  pid_t process_ = -1;
};

/// Until the part has bytes, or the moment for that has passed.
void wait_for_bytes(const Scene& scene) {
  for (int ms = 0; ms < 5000 && !std::filesystem::exists(scene.target()); ++ms) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(scene.part(), error);
    if (!error && size > 0) return;
    std::this_thread::sleep_for(milliseconds(1));
  }
}

}  // namespace

TEST_CASE("download: of threads that want the same file one downloads it, the others wait",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(trickle);
  std::atomic<int> whole = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      download_file(scene.request(server, kBytes));
      if (scene.has(kBytes)) ++whole;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(whole == 4);
  CHECK(server.queries().size() == 1);
  CHECK(scene.names() == Names{"vgg16-0123.pth"});
}

TEST_CASE("download: of processes that want the same file one downloads it, the others wait",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(trickle);
  const Fetcher first(server, scene), second(server, scene), third(server, scene);
  CHECK(first.wait() == 0);
  CHECK(second.wait() == 0);
  CHECK(third.wait() == 0);
  CHECK(server.queries().size() == 1);
  CHECK(scene.has(kBytes));
  CHECK(scene.names() == Names{"vgg16-0123.pth"});
}

TEST_CASE("download: whoever waits goes on where the one it waited for was killed",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(trickle);
  const Fetcher first(server, scene);
  wait_for_bytes(scene);
  const Fetcher second(server, scene);
  std::this_thread::sleep_for(milliseconds(20));
  first.kill();
  CHECK(first.wait() == 128 + SIGKILL);
  CHECK(second.wait() == 0);
  CHECK(server.queries().size() == 2);
  CHECK(!server.queries()[1].header("range").empty());
  CHECK(scene.has(kBytes));
}

TEST_CASE("download: killed at any moment, the next run goes on and finishes",
          "[models][download]") {
  const HttpServer server(trickle);
  int resumed = 0;
  for (int ms = 1; ms < 190; ms += 15) {
    const Scene scene;
    const Fetcher fetcher(server, scene);
    if (ms % 2 == 0) wait_for_bytes(scene);
    std::this_thread::sleep_for(milliseconds(ms));
    fetcher.kill();
    fetcher.wait();
    for (const std::string& name : scene.names()) {
      CHECK_THAT(name, Catch::StartsWith("vgg16-0123.pth"));
    }
    const bool done = std::filesystem::exists(scene.target());
    if (done) CHECK(scene.has(kBytes));
    std::size_t before = server.queries().size();
    download_file(scene.request(server, kBytes));
    const auto queries = server.queries();
    while (before < queries.size()) resumed += queries[before++].header("range").empty() ? 0 : 1;
    CHECK(scene.has(kBytes));
    // Killed between naming the file and letting go of the lock, it leaves the empty lock too.
    if (!done) CHECK(scene.names() == Names{"vgg16-0123.pth"});
  }
  CHECK(resumed > 0);
}

TEST_CASE("download: a full disk is told, and no part takes up what is left of it",
          "[models][download]") {
  const Scene scene;
  const HttpServer server(trickle);
  const Fetcher fetcher(server, scene, "100000");
  CHECK(fetcher.wait() == 1);
  CHECK_THAT(fetcher.said(),
             Contains("[download] cannot write: File too large: " + scene.part().string()) &&
                 Contains("LAMINA_CACHE"));
  CHECK(scene.names().empty());
}
