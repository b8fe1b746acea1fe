// An instance of a served model, called as the server calls it.
#include "triton/instance.h"

#include "tests/nn/networks.h"
#include "tests/triton/fake_server.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>

using namespace lamina;
using namespace lamina::test;
using namespace lamina::triton;
using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t kSide = 8;

ServedModel served(std::int64_t max_batch, std::vector<std::int64_t> image = {3, kSide, kSide}) {
  const Model model(small_network(), {});
  const std::int64_t classes = classes_of(model, {3, kSide, kSide});
  return {.model = model,
          .config = {.max_batch = max_batch,
                     .image = std::move(image),
                     .classes = classes,
                     .precision = "fp32",
                     .threads = 1}};
}

std::span<const std::byte> bytes(const Tensor& tensor) {
  return std::as_bytes(tensor.values<float>());
}

FakeRequest bringing(const Tensor& images) {
  const auto sizes = images.shape().sizes();
  return {.shape = {sizes.begin(), sizes.end()}, .parts = {bytes(images)}};
}

void execute(Instance& instance, std::initializer_list<FakeRequest*> requests) {
  std::vector<TRITONBACKEND_Request*> handles;
  for (FakeRequest* request : requests) handles.push_back(request->handle());
  instance.execute(nullptr, handles);
  for (const FakeRequest* request : requests) {
    CHECK(request->answers == 1);
    CHECK(request->releases == 1);
    CHECK_FALSE(request->released_before_answer);
    CHECK_FALSE(request->answered_before_report);
    CHECK(request->reported == std::vector<bool>{request->error.empty()});
    CHECK(std::is_sorted(request->times.begin(), request->times.end()));
  }
  CHECK(errors_alive() == 0);
}

// What a session gives for the same images.
void check_answer(const ServedModel& served, const FakeRequest& request, const Tensor& images) {
  CHECK(request.error == "");
  CHECK(request.output == "logits");
  CHECK(request.output_shape == std::vector<std::int64_t>{images.size(0), served.config.classes});
  const Tensor expected =
      Session(served.model, {.device = "cpu", .max_batch = images.size(0)}).run(images);
  REQUIRE(request.logits.size() == expected.values<float>().size());
  CHECK(std::memcmp(request.logits.data(), expected.raw_data(),
                    request.logits.size() * sizeof(float)) == 0);
}

}  // namespace

TEST_CASE("triton instance: requests of a batch get their own images' answers", "[triton]") {
  const ServedModel model = served(8);
  Instance instance(model, "cpu");
  take_reported_batches();
  const Tensor a = pattern({2, 3, kSide, kSide}, 1), b = pattern({1, 3, kSide, kSide}, 2),
               c = pattern({5, 3, kSide, kSide}, 3);
  FakeRequest first = bringing(a), second = bringing(b), third = bringing(c);
  execute(instance, {&first, &second, &third});
  check_answer(model, first, a);
  check_answer(model, second, b);
  check_answer(model, third, c);
  CHECK(take_reported_batches() == std::vector<std::uint64_t>{8});
  CHECK(instance.description() == "cpu, 1 threads, fp32");
}

TEST_CASE("triton instance: images arrive in any pieces, aligned or not", "[triton]") {
  const ServedModel model = served(8);
  Instance instance(model, "cpu");
  const Tensor images = pattern({2, 3, kSide, kSide});
  const auto all = bytes(images);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{4}, all.size() / 2, all.size() - 3}) {
    FakeRequest request = bringing(images);
    request.parts = {all.first(cut), {}, all.subspan(cut)};
    execute(instance, {&request});
    check_answer(model, request, images);
  }
  std::vector<std::byte> shifted(all.size() + 1);
  std::memcpy(shifted.data() + 1, all.data(), all.size());
  FakeRequest request = bringing(images);
  request.parts = {std::span(shifted).subspan(1)};
  execute(instance, {&request});
  check_answer(model, request, images);
}

TEST_CASE("triton instance: a wrong request costs the others nothing", "[triton]") {
  const ServedModel model = served(8);
  Instance instance(model, "cpu");
  take_reported_batches();
  const Tensor images = pattern({1, 3, kSide, kSide});
  FakeRequest good = bringing(images), type = good, shape = good, rank = good, missing = good,
              bytes_missing = good, on_gpu = good, to_gpu = good, gone = good;
  type.type = TRITONSERVER_TYPE_FP64;
  shape.shape = {1, 1, kSide, kSide};
  rank.shape = {3, kSide, kSide};
  missing.input = "picture";
  bytes_missing.parts = {bytes(images).first(12)};
  on_gpu.memory = TRITONSERVER_MEMORY_GPU;
  to_gpu.output_memory = TRITONSERVER_MEMORY_GPU;
  gone.cancelled = true;
  execute(instance,
          {&type, &shape, &rank, &missing, &good, &bytes_missing, &on_gpu, &to_gpu, &gone});

  check_answer(model, good, images);
  CHECK(type.error == "[triton] input 'input' is FP64, the model takes FP32");
  CHECK(shape.error ==
        "[triton] input 'input' is [1, 1, 8, 8], the model takes a batch of [3, 8, 8]");
  CHECK(rank.error == "[triton] input 'input' is [3, 8, 8], the model takes a batch of [3, 8, 8]");
  CHECK(missing.error == "no such input");
  CHECK(bytes_missing.error ==
        "[triton] input 'input' has 12 bytes, its shape [1, 3, 8, 8] is of 768");
  CHECK_THAT(on_gpu.error, Contains("input 'input' lies in the memory of a GPU"));
  CHECK(on_gpu.code == TRITONSERVER_ERROR_UNSUPPORTED);
  CHECK_THAT(to_gpu.error, Contains("output 'logits' lies in the memory of a GPU"));
  CHECK(gone.code == TRITONSERVER_ERROR_CANCELLED);
  for (const FakeRequest* request : {&type, &shape, &rank, &bytes_missing}) {
    CHECK(request->code == TRITONSERVER_ERROR_INVALID_ARG);
  }
  // The one whose answer had no place to go was computed all the same, but counts as failed.
  CHECK(take_reported_batches() == std::vector<std::uint64_t>{1});
}

TEST_CASE("triton instance: without a batch axis a request is one image", "[triton]") {
  const ServedModel model = served(0);
  Instance instance(model, "cpu");
  const Tensor image = pattern({1, 3, kSide, kSide});
  FakeRequest request = bringing(image);
  request.shape = {3, kSide, kSide};
  execute(instance, {&request});
  CHECK(request.output_shape == std::vector<std::int64_t>{model.config.classes});
  request.output_shape.insert(request.output_shape.begin(), 1);
  check_answer(model, request, image);
}

TEST_CASE("triton instance: images of several sizes in one batch run apart", "[triton]") {
  const ServedModel model = served(8, {3, -1, -1});
  Instance instance(model, "cpu");
  const Tensor a = pattern({1, 3, 8, 8}), b = pattern({2, 3, 12, 9}), c = pattern({1, 3, 8, 8}, 7),
               tiny = pattern({1, 3, 1, 1});
  FakeRequest first = bringing(a), second = bringing(b), third = bringing(c),
              too_small = bringing(tiny);
  execute(instance, {&first, &second, &too_small, &third});
  check_answer(model, first, a);
  check_answer(model, second, b);
  check_answer(model, third, c);
  CHECK_THAT(too_small.error, Contains("[triton] input 'input' is [1, 3, 1, 1]: [max_pool2d]"));
}

TEST_CASE("triton instance: a request of no images has an empty answer", "[triton]") {
  const ServedModel model = served(8);
  Instance instance(model, "cpu");
  FakeRequest request{.shape = {0, 3, kSide, kSide}};
  execute(instance, {&request});
  CHECK(request.error == "");
  CHECK(request.logits.empty());
}
