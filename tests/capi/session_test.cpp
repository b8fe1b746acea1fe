#include "tests/capi/handles.h"

#include <lamina/nn/session.h>

#include "capi/handles.h"

#include <algorithm>
#include <cstddef>
#include <thread>

namespace lamina {

using Catch::Matchers::Contains;
using test::load_digits;
using test::make_session;
using test::ok;
using test::Picture;

TEST_CASE("c api: a session gives what the C++ session gives", "[capi]") {
  const auto model = load_digits();
  const Picture picture(model.get());
  const auto session = make_session(model.get());
  lamina_tensor logits{};
  ok(lamina_session_run(session.get(), &picture.tensor, &logits));
  CHECK(std::string(lamina_session_device(session.get())) == "cpu");
  REQUIRE(logits.rank == 2);
  REQUIRE(logits.shape[1] == 10);

  Session expected(model->model);
  const Shape shape(std::span<const std::int64_t>(picture.tensor.shape, 4));
  const Tensor result = expected.run(Tensor::from(picture.pixels, shape));
  const auto* const values = static_cast<const float*>(logits.data);
  CHECK(std::equal(values, values + 10, result.data<float>()));

  lamina_class_score best[2];
  ok(lamina_top_classes(values, 10, 2, best));
  CHECK(best[0].index == 3);
  CHECK(best[0].logit == values[3]);
  CHECK(best[0].probability > best[1].probability);
  CHECK(lamina_top_classes(values, 10, 11, best) == LAMINA_ERROR_INVALID_ARGUMENT);
}

TEST_CASE("c api: a batch may lie in any strides", "[capi]") {
  const auto model = load_digits();
  const Picture picture(model.get());
  const auto session = make_session(model.get());
  lamina_tensor logits{};
  ok(lamina_session_run(session.get(), &picture.tensor, &logits));
  const auto* values = static_cast<const float*>(logits.data);
  const std::vector<float> expected(values, values + 10);

  // Channels last, and the one image twice by a stride of 0.
  const std::int64_t h = picture.tensor.shape[2], w = picture.tensor.shape[3];
  std::vector<float> pixels(picture.pixels.size());
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t i = 0; i < h * w; ++i) {
      pixels[static_cast<std::size_t>(i * 3 + c)] =
          picture.pixels[static_cast<std::size_t>(c * h * w + i)];
    }
  }
  const lamina_tensor twice{pixels.data(), LAMINA_F32, 4, {2, 3, h, w}, {0, 1, 3 * w, 3}};
  ok(lamina_session_run(session.get(), &twice, &logits));
  REQUIRE(logits.shape[0] == 2);
  values = static_cast<const float*>(logits.data);
  CHECK(std::equal(expected.begin(), expected.end(), values));
  CHECK(std::equal(expected.begin(), expected.end(), values + 10));
}

TEST_CASE("c api: an empty batch has an empty result", "[capi]") {
  const auto model = load_digits();
  const Picture picture(model.get());
  const auto session = make_session(model.get());
  lamina_tensor none = picture.tensor, logits{};
  none.shape[0] = 0;
  none.data = nullptr;
  ok(lamina_session_run(session.get(), &none, &logits));
  CHECK(logits.shape[0] == 0);
  CHECK(logits.shape[1] == 10);
}

TEST_CASE("c api: options are what they say, and older callers' are shorter", "[capi]") {
  const auto model = load_digits();
  const Picture picture(model.get());
  const char* const outputs[] = {"features.0"};
  lamina_session_options options = LAMINA_SESSION_OPTIONS_INIT;
  options.device = "cpu";
  options.precision = "bf16";
  options.threads = 1;
  options.max_batch = 4;
  options.outputs = outputs;
  options.output_count = 1;
  const auto session = make_session(model.get(), &options);
  lamina_tensor logits{}, features{};
  ok(lamina_session_run(session.get(), &picture.tensor, &logits));
  ok(lamina_session_output(session.get(), "features.0", &features));
  CHECK(features.rank == 4);
  CHECK(features.shape[2] == picture.tensor.shape[2]);
  CHECK(lamina_session_output(session.get(), "features.1", &features) ==
        LAMINA_ERROR_INVALID_ARGUMENT);

  options.struct_size = offsetof(lamina_session_options, outputs);
  const auto older = make_session(model.get(), &options);
  CHECK(lamina_session_output(older.get(), "features.0", &features) ==
        LAMINA_ERROR_INVALID_ARGUMENT);
  options.struct_size = 0;
  lamina_session* none = nullptr;
  CHECK(lamina_session_create(model.get(), &options, &none) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(lamina_last_error(), Contains("LAMINA_SESSION_OPTIONS_INIT"));
}

TEST_CASE("c api: a session outlives its model, and keeps the weights it was made with", "[capi]") {
  auto model = load_digits();
  const Picture picture(model.get());
  const auto session = make_session(model.get());
  model.reset();
  lamina_tensor logits{};
  ok(lamina_session_run(session.get(), &picture.tensor, &logits));
  lamina_class_score best{};
  ok(lamina_top_classes(static_cast<const float*>(logits.data), 10, 1, &best));
  CHECK(best.index == 3);
}

TEST_CASE("c api: a session in use says so", "[capi]") {
  const auto model = load_digits();
  const Picture picture(model.get());
  const auto session = make_session(model.get());
  lamina_tensor logits{};
  session->is_busy = true;  // as another thread's call leaves it
  CHECK(lamina_session_run(session.get(), &picture.tensor, &logits) == LAMINA_ERROR_BUSY);
  CHECK_THAT(lamina_last_error(), Contains("in use by another thread"));
  session->is_busy = false;
  ok(lamina_session_run(session.get(), &picture.tensor, &logits));
}

TEST_CASE("c api: sessions of one model run at once", "[capi]") {
  const auto model = load_digits();
  const Picture picture(model.get());
  std::vector<std::thread> threads;
  std::vector<std::vector<float>> results(4);
  for (auto& result : results) {
    threads.emplace_back([&] {
      lamina_session* session = nullptr;
      lamina_tensor logits{};
      if (lamina_session_create(model.get(), nullptr, &session) != LAMINA_OK) return;
      if (lamina_session_run(session, &picture.tensor, &logits) == LAMINA_OK) {
        const auto* const values = static_cast<const float*>(logits.data);
        result.assign(values, values + 10);
      }
      lamina_session_free(session);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) CHECK((result.size() == 10 && result == results[0]));
}

}  // namespace lamina
