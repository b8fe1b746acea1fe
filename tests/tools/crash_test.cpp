// What is on the disk after lamina-convert was killed, or the disk was full.
#include "tests/tools/run_program.h"

#include <lamina/serialization/load.h>

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;

namespace {

// Large enough that the moments below fall into all stages of a save.
StateDict large_weights() {
  StateDict tensors;
  for (int i = 0; i < 8; ++i) {
    tensors.insert("t" + std::to_string(i), Tensor::full({1 << 20}, static_cast<float>(i + 1)));
  }
  return tensors;
}

// Starts lamina-convert in the folder and kills it after that long; false where it was done before.
bool killed_while_converting(const Workplace& place, const std::string& in, const std::string& out,
                             std::chrono::microseconds after) {
  const std::string program = std::string(LAMINA_TEST_BIN) + "/lamina-convert";
  const std::string folder = place / "";
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDERR_FILENO);
    if (::chdir(folder.c_str()) == 0) {
      ::execl(program.c_str(), program.c_str(), "convert", in.c_str(), out.c_str(), "--force",
              nullptr);
    }
    ::_exit(127);
  }
  std::this_thread::sleep_for(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

bool same(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    if (!b.contains(name) || !equal_bits(tensor, b.at(name))) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("convert: killed at any moment it leaves the old file or the new one, whole",
          "[tools][convert][crash]") {
  const Workplace place;
  const StateDict large = large_weights();
  save(large, place / "large.lamina");
  const StateDict old = load(place.model());
  const std::string out = GENERATE("out.lamina", "out.safetensors");
  save_any(old, place / out);
  int killed = 0;
  for (const int milliseconds : {0, 2, 4, 7, 12, 20, 35, 60}) {
    killed += killed_while_converting(place, "large.lamina", out,
                                      std::chrono::milliseconds(milliseconds));
    const StateDict found = load(place / out);
    CHECK((same(found, old) || same(found, large)));
  }
  CHECK(killed > 0);
  CHECK(place.convert({"-q", "convert", "large.lamina", out, "--force"}).status == 0);
  CHECK(same(load(place / out), large));
  for (const std::string& name : place.names()) CHECK_THAT(name, !Contains(".tmp"));
}

TEST_CASE("convert: a file that grows beyond what the system allows is an error, and gone",
          "[tools][convert][crash]") {
  const Workplace place;
  save(large_weights(), place / "large.lamina");
  const std::vector<std::string> before = place.names();
  const std::string out = GENERATE("o.lamina", "o.safetensors", "o.npz", "o.pth");
  RunOptions options;
  options.before = "ulimit -f 20000;";  // blocks of 512 bytes: about 10 MB of 32
  const Outcome outcome = place.convert({"convert", "large.lamina", out}, options);
  CHECK(outcome.status == 1);
  CHECK(outcome.err == "lamina-convert: error: cannot write: File too large: " + out + "\n");
  CHECK(place.names() == before);
  const Outcome shards = place.convert(
      {"convert", "large.lamina", "s.safetensors", "--max-shard-size", "16MB"}, options);
  CHECK(shards.status == 1);
  CHECK(place.names() == before);
}
