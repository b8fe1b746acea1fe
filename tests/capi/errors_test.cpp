#include "tests/capi/handles.h"

#include "capi/guard.h"

#include <lamina/core/error.h>

#include <new>
#include <thread>

namespace lamina {

using Catch::Matchers::Contains;
using test::load_digits;
using test::make_session;
using test::ok;
using test::Picture;

TEST_CASE("c api: each kind of error has a status, a text and a hint", "[capi]") {
  lamina_model* model = nullptr;
  CHECK(lamina_model_load("/no/such/file.lamina", &model) == LAMINA_ERROR_IO);
  CHECK_THAT(lamina_last_error(), Contains("/no/such/file.lamina"));
  CHECK(lamina_model_load(test::kDigit3.c_str(), &model) == LAMINA_ERROR_FORMAT);
  CHECK_THAT(lamina_last_error(), Contains("digit-3.png"));
  CHECK(lamina_model_make("vgg17", nullptr, 0, &model) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(lamina_last_hint(), Contains("vgg1"));
  CHECK(lamina_model_make("vgg16", test::kDigits.c_str(), 0, &model) == LAMINA_ERROR_STATE_DICT);
  CHECK(model == nullptr);

  const auto digits = load_digits();
  lamina_session* session = nullptr;
  lamina_session_options options = LAMINA_SESSION_OPTIONS_INIT;
  options.device = "cuda:77";
  CHECK(lamina_session_create(digits.get(), &options, &session) == LAMINA_ERROR_DEVICE);
  options.device = "cpu";
  options.precision = "fp17";
  CHECK(lamina_session_create(digits.get(), &options, &session) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(session == nullptr);
  CHECK(std::string(lamina_status_name(LAMINA_ERROR_BUSY)) == "LAMINA_ERROR_BUSY");
  CHECK(std::string(lamina_status_name(static_cast<lamina_status>(15))) == "an unknown status");
}

TEST_CASE("c api: a null pointer is an error that names it", "[capi]") {
  lamina_model* model = nullptr;
  CHECK(lamina_model_load(nullptr, &model) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(std::string(lamina_last_error()) == "[lamina_model_load] path is null");
  CHECK(lamina_model_load("x", nullptr) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(lamina_session_create(nullptr, nullptr, nullptr) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(lamina_session_run(nullptr, nullptr, nullptr) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(lamina_model_label(nullptr, 0) == nullptr);
  CHECK(lamina_model_tensor_count(nullptr) == 0);
  CHECK(lamina_session_device(nullptr) == nullptr);
  lamina_model_free(nullptr);
  lamina_session_free(nullptr);
}

TEST_CASE("c api: no exception comes through, whatever is thrown", "[capi]") {
  CHECK(capi::guard([] { throw 7; }) == LAMINA_ERROR_INTERNAL);
  CHECK(capi::guard([] { throw std::bad_alloc(); }) == LAMINA_ERROR_OUT_OF_MEMORY);
  CHECK(capi::guard([] { throw std::runtime_error("odd"); }) == LAMINA_ERROR_INTERNAL);
  CHECK(std::string(lamina_last_error()) == "odd");
  CHECK(capi::guard([] { throw Unsupported("not here", "there"); }) == LAMINA_ERROR_UNSUPPORTED);
  CHECK(std::string(lamina_last_hint()) == "there");
}

TEST_CASE("c api: each thread has a last error of its own", "[capi]") {
  lamina_model* model = nullptr;
  CHECK(lamina_model_load("/first", &model) == LAMINA_ERROR_IO);
  std::thread([&] {
    CHECK(std::string(lamina_last_error()).empty());
    CHECK(lamina_model_load("/second", &model) == LAMINA_ERROR_IO);
    CHECK_THAT(lamina_last_error(), Contains("/second"));
  }).join();
  CHECK_THAT(lamina_last_error(), Contains("/first"));
}

TEST_CASE("c api: what is no tensor is refused", "[capi]") {
  const auto model = load_digits();
  const auto session = make_session(model.get());
  const Picture picture(model.get());
  lamina_tensor result{};
  const auto run = [&](const lamina_tensor& batch) {
    return lamina_session_run(session.get(), &batch, &result);
  };
  lamina_tensor bad = picture.tensor;
  bad.rank = 9;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  bad = picture.tensor;
  bad.dtype = 10;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  bad = picture.tensor;
  bad.strides[2] = -1;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(lamina_last_error(), Contains("stride -1 of axis 2"));
  bad = picture.tensor;
  bad.shape[0] = 2;
  bad.strides[0] = INT64_MAX;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  bad = picture.tensor;
  bad.data = nullptr;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  bad = picture.tensor;
  bad.data = reinterpret_cast<const char*>(bad.data) + 1;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(lamina_last_error(), Contains("aligned"));
  bad = picture.tensor;
  bad.shape[1] = 4;
  CHECK(run(bad) == LAMINA_ERROR_INVALID_ARGUMENT);
  ok(run(picture.tensor));
}

}  // namespace lamina
