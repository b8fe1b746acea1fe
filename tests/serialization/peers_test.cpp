// NumPy, the safetensors library and PyTorch read what we write, and we what they write. The
// interpreter is LAMINA_TEST_PYTHON, else python3; without the modules the tests are skipped.
#include <lamina/serialization/npy.h>
#include <lamina/serialization/npz.h>
#include <lamina/serialization/pth.h>
#include <lamina/serialization/safetensors.h>

#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/wait.h>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;

namespace {

constexpr int kModuleMissing = 77;

// The exit status of one of the scripts beside this file.
int run_script(const char* script, const char* command, const TemporaryFolder& folder) {
  const char* python = std::getenv("LAMINA_TEST_PYTHON");
  const std::string line = std::string(python != nullptr ? python : "python3") + " \"" +
                           LAMINA_TEST_DATA + "/../serialization/" + script + "\" " + command +
                           " \"" + folder.path().string() + "\" > /dev/null";
  const int status = std::system(line.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  return code == 127 ? kModuleMissing : code;  // the shell found no such program
}

// The same as in peers.py.
StateDict sample() {
  StateDict tensors;
  tensors.insert("f32", Tensor::from<float>({-1, -0.5f, 0, 0.5f, 1, 1.5f}, {2, 3}));
  tensors.insert("f64", Tensor::from<double>({0.0, 1.0 / 3, 2.0 / 3}, {3}));
  tensors.insert("f16", Tensor::from<float>({1, -2, 0.5f}, {3}).to(DType::f16));
  tensors.insert("i64", Tensor::from<std::int64_t>({std::int64_t{1} << 40, -5}, {2, 1}));
  tensors.insert("i32", Tensor::from<std::int32_t>({7}, {1}));
  tensors.insert("i16", Tensor::from<std::int16_t>({-300, 300}, {2}));
  tensors.insert("i8", Tensor::from<std::int8_t>({-128, 127}, {2}));
  tensors.insert("u8", Tensor::from<std::uint8_t>({0, 255}, {2}));
  tensors.insert("bool", Tensor::from<float>({1, 0, 1}, {3}).to(DType::boolean));
  tensors.insert("scalar", Tensor::full({}, 3.5f));
  tensors.insert("empty", Tensor::zeros({0, 4}));
  return tensors;
}

void check_sample(const StateDict& read) {
  CHECK(read.size() == sample().size());
  for (const auto& [name, tensor] : sample()) {
    INFO(name);
    CHECK(equal_bits(read.at(name), tensor));
  }
}

}  // namespace

TEST_CASE("peers: NumPy and safetensors read what we write", "[serialization][peers]") {
  const TemporaryFolder folder;
  StateDict ours = sample();
  ours.metadata()["by"] = "lamina";
  save_safetensors(ours, folder / "ours.safetensors");
  save_npz(ours, folder / "ours.npz");
  for (const auto& [name, tensor] : ours) save_npy(tensor, folder / ("ours_" + name + ".npy"));
  const int status = run_script("peers.py", "check", folder);
  if (status == kModuleMissing) LAMINA_SKIP("needs NumPy and safetensors");
  CHECK(status == 0);
}

TEST_CASE("peers: we read what NumPy and safetensors write", "[serialization][peers]") {
  const TemporaryFolder folder;
  const int status = run_script("peers.py", "make", folder);
  if (status == kModuleMissing) LAMINA_SKIP("needs NumPy and safetensors");
  REQUIRE(status == 0);
  const StateDict tensors = load_safetensors(folder / "peer.safetensors");
  check_sample(tensors);
  CHECK(tensors.metadata().at("by") == "peer");
  check_sample(load_npz(folder / "peer.npz"));
  check_sample(load_npz(folder / "peer_deflated.npz"));
  CHECK(equal_bits(load_npy(folder / "fortran.npy"), sample().at("f32")));
  CHECK(equal_bits(load_npy(folder / "big_endian.npy"), sample().at("f32")));
}

TEST_CASE("peers: PyTorch reads what we write, ties and all", "[serialization][peers][pth]") {
  const TemporaryFolder folder;
  StateDict ours = sample();
  ours.insert("bf16", Tensor::from<float>({1, -2, 0.5f}, {3}).to(DType::bf16));
  ours.insert("tied", ours.at("f32"));
  ours.insert("transposed", ours.at("f32").transpose(0, 1));
  save_pth(ours, folder / "ours.pth");
  const int status = run_script("torch_peer.py", "", folder);
  if (status == kModuleMissing) LAMINA_SKIP("needs PyTorch");
  CHECK(status == 0);
}
