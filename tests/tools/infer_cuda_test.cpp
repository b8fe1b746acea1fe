// vgg16-infer --device cuda, on the emulated device: a small VGG-style net, and the digits model at
// its own size, from picture to answer.
#include "tests/tools/run_program.h"

#include <lamina/core/tensor.h>
#include <lamina/serialization/npy.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;

namespace {

constexpr const char* kEmulated = "../tests/vgg16-infer-emulated";

Outcome on_cuda(const Workplace& place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--device", "cuda"});
  return run(kEmulated, arguments, {.directory = place / ""});
}

}  // namespace

TEST_CASE("infer cuda: the digits model reads its pictures in every precision", "[tools][cuda]") {
  const Workplace place;
  const std::string data = LAMINA_DIGITS;
  std::vector<std::string> arguments{"-q", "-m",           data + "/digits.lamina", "-k",
                                     "1",  "--logits-out", place / "logits.npy"};
  for (int i = 0; i < 10; i += 3) {
    arguments.push_back(data + "/digits/digit-" + std::to_string(i) + ".png");
  }
  REQUIRE(run("vgg16-infer", arguments).status == 0);
  const Tensor expected = serialization::load_npy(place / "logits.npy");
  const std::pair<std::string, double> bounds[] = {
      {"fp32", 1e-5}, {"tf32", 1e-3}, {"fp16", 5e-3}, {"bf16", 2e-2}, {"fp8", 0.15}};
  for (const auto& [precision, bound] : bounds) {
    INFO(precision);
    auto these = arguments;
    these.insert(these.begin(), {"--precision", precision});
    if (std::string(precision) == "fp8") {
      these.insert(these.begin(), {"--calibrate", data + "/digits"});
    }
    const Outcome outcome = on_cuda(place, these);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const Difference d = difference(serialization::load_npy(place / "logits.npy"), expected);
    CHECK(!(d.max_abs > bound * d.max_abs_reference));
  }
}

TEST_CASE("infer cuda: fp8 without calibration is status 3, and says what to do", "[tools][cuda]") {
  const Workplace place;
  const Outcome outcome =
      on_cuda(place, {"-q", "-m", "model.lamina", "--precision", "fp8", "a.bmp"});
  CHECK(outcome.status == 3);
  CHECK_THAT(outcome.err, Contains("how large the inputs of layers become"));
  CHECK_THAT(outcome.err, Contains("--calibrate DIR"));
}

TEST_CASE("infer cuda: results, features and the profile are there as on the processor",
          "[tools][cuda]") {
  const Workplace place;
  const Outcome outcome = on_cuda(
      place, {"-m", "model.lamina", "-v", "-b", "2", "--profile", "--format", "json", "--features",
              "0,3", "--features-out", "f.safetensors", "a.bmp", "b.bmp", "c.bmp"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto object = nlohmann::json::parse(outcome.out);
  CHECK(object["device"] == "cuda:0");
  CHECK(object["results"].size() == 3);
  CHECK_THAT(outcome.err, Contains("implicit_gemm") && Contains("max_pool2d"));
}

TEST_CASE("infer cuda: the device is listed, taken by auto, and never replaced", "[tools][cuda]") {
  const Workplace place;
  CHECK_THAT(run(kEmulated, {"--list-devices"}).out, Contains("cuda:0\temulated device, sm_90"));
  const Outcome by_itself = run(kEmulated, {"-m", "model.lamina", "--format", "json", "a.bmp"},
                                {.directory = place / ""});
  CHECK(nlohmann::json::parse(by_itself.out)["device"] == "cuda:0");
  const Outcome missing = run(kEmulated, {"--device", "cuda:3", "a.bmp"});
  CHECK(missing.status == 5);
  CHECK_THAT(missing.err, Contains("device 'cuda:3' is not available"));
  const Outcome none = run("vgg16-infer", {"--device", "cuda", "a.bmp"});
  CHECK(none.status == 5);
  CHECK_THAT(none.err, Contains("device 'cuda' is not available"));
  const Outcome precision = run(kEmulated, {"--precision", "int8", "a.bmp"});
  CHECK(precision.status == 2);
  CHECK_THAT(precision.err, Contains("'int8' is not available on cuda:0: --precision"));
}
