// An instance on a CUDA device, which is the emulated one.
#include "triton/instance.h"

#include "tests/nn/networks.h"
#include "tests/triton/fake_server.h"

#include <catch2/catch.hpp>

#include <cstring>

using namespace lamina;
using namespace lamina::test;
using namespace lamina::triton;

TEST_CASE("triton instance: answers from a CUDA device are a session's there", "[triton][cuda]") {
  const Model model(small_network(), {});
  for (const std::string precision : {"fp32", "bf16"}) {
    const ServedModel served{.model = model,
                             .config = {.max_batch = 2,
                                        .image = {3, 8, 8},
                                        .classes = classes_of(model, {3, 8, 8}),
                                        .precision = precision}};
    Instance instance(served, "cuda:0");
    CHECK(instance.description() == "cuda:0, " + precision);
    const Tensor images = pattern({2, 3, 8, 8});
    const auto bytes = std::as_bytes(images.values<float>());
    FakeRequest first{.shape = {1, 3, 8, 8}, .parts = {bytes.first(bytes.size() / 2)}};
    FakeRequest second{.shape = {1, 3, 8, 8}, .parts = {bytes.subspan(bytes.size() / 2)}};
    instance.execute(nullptr, std::vector{first.handle(), second.handle()});
    CHECK(first.error + second.error == "");
    const Tensor expected =
        Session(model, {.device = "cuda:0", .precision = precision, .max_batch = 2}).run(images);
    std::vector<float> found = first.logits;
    found.insert(found.end(), second.logits.begin(), second.logits.end());
    REQUIRE(found.size() == expected.values<float>().size());
    CHECK(std::memcmp(found.data(), expected.raw_data(), found.size() * sizeof(float)) == 0);
  }
}
