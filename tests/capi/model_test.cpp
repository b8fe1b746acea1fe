#include "tests/capi/handles.h"
#include "tests/support/temporary_folder.h"

#include <lamina/core/state_dict.h>
#include <lamina/models/vgg.h>
#include <lamina/vision/decode.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace lamina {

using Catch::Matchers::Contains;
using test::load_digits;
using test::ModelHandle;
using test::ok;

namespace {

std::string text_of(const lamina_model* model) {
  std::size_t length = 0;
  ok(lamina_model_text(model, nullptr, 0, &length));
  std::string text(length + 1, '?');
  ok(lamina_model_text(model, text.data(), text.size(), &length));
  REQUIRE(text.back() == '\0');
  text.pop_back();
  return text;
}

ModelHandle make(const char* name, const char* weights, std::int64_t classes) {
  lamina_model* model = nullptr;
  ok(lamina_model_make(name, weights, classes, &model));
  return ModelHandle(model);
}

}  // namespace

TEST_CASE("c api: a model's text is PyTorch's, cut where the buffer ends", "[capi]") {
  const auto model = make("vgg11", "random:1", 2);
  std::ostringstream expected;
  expected << models::vgg11({.num_classes = 2, .init_weights = false});
  CHECK(text_of(model.get()) == expected.str());
  char buffer[4];
  std::size_t length = 0;
  ok(lamina_model_text(model.get(), buffer, sizeof(buffer), &length));
  CHECK(std::string(buffer) == "VGG");
  CHECK(length == expected.str().size());
}

TEST_CASE("c api: weights are views, by name and in order", "[capi]") {
  const auto model = load_digits();
  const std::int64_t count = lamina_model_tensor_count(model.get());
  REQUIRE(count > 0);
  CHECK(std::string(lamina_model_tensor_name(model.get(), 0)) == "features.0.weight");
  CHECK(lamina_model_tensor_name(model.get(), count) == nullptr);
  CHECK(lamina_model_tensor_name(model.get(), -1) == nullptr);
  lamina_tensor weight{}, again{};
  ok(lamina_model_tensor(model.get(), "features.0.weight", &weight));
  ok(lamina_model_tensor(model.get(), "features.0.weight", &again));
  CHECK(weight.dtype == LAMINA_F32);
  CHECK(weight.rank == 4);
  CHECK(weight.shape[1] == 3);
  CHECK(weight.strides[3] == 1);
  CHECK(weight.data == again.data);
  CHECK(lamina_model_tensor(model.get(), "features.0.wieght", &weight) ==
        LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK_THAT(lamina_last_hint(), Contains("features.0.weight"));
}

TEST_CASE("c api: weights go to a file and into another model", "[capi]") {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "m.lamina").string();
  const auto first = make("vgg11", "random:1", 2), second = make("vgg11", "random:2", 2);
  ok(lamina_model_save(first.get(), path.c_str()));
  lamina_tensor a{}, b{};
  ok(lamina_model_load_weights(second.get(), path.c_str()));
  ok(lamina_model_tensor(first.get(), "classifier.6.weight", &a));
  ok(lamina_model_tensor(second.get(), "classifier.6.weight", &b));
  REQUIRE(a.shape[0] * a.shape[1] == b.shape[0] * b.shape[1]);
  CHECK(std::memcmp(a.data, b.data, static_cast<std::size_t>(a.shape[0] * a.shape[1]) * 4) == 0);

  // What does not fit changes nothing.
  CHECK(lamina_model_load_weights(second.get(), test::kDigits.c_str()) == LAMINA_ERROR_STATE_DICT);
  lamina_tensor after{};
  ok(lamina_model_tensor(second.get(), "classifier.6.weight", &after));
  CHECK(after.data == b.data);
}

TEST_CASE("c api: a picture is the same from a file, its bytes and its pixels", "[capi]") {
  const auto model = load_digits();
  const test::Picture expected(model.get());
  std::ifstream stream(test::kDigit3, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  std::vector<float> out(expected.pixels.size());
  ok(lamina_preprocess_bytes(model.get(), bytes.data(), bytes.size(), nullptr, out.data(),
                             out.size()));
  CHECK(out == expected.pixels);

  const vision::Image image = vision::load_image(test::kDigit3);
  const std::int64_t used = image.width * 3, apart = used + 5;
  std::vector<std::uint8_t> rows(static_cast<std::size_t>(apart * image.height), 99);
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::memcpy(rows.data() + y * apart, image.row(y), static_cast<std::size_t>(used));
  }
  out.assign(out.size(), 0);
  ok(lamina_preprocess_rgb(model.get(), rows.data(), image.width, image.height, apart, out.data(),
                           out.size()));
  CHECK(out == expected.pixels);

  CHECK(lamina_preprocess_rgb(model.get(), rows.data(), image.width, image.height, used - 1,
                              out.data(), out.size()) == LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(lamina_preprocess_file(model.get(), test::kDigit3.c_str(), out.data(), out.size() - 1) ==
        LAMINA_ERROR_INVALID_ARGUMENT);
  CHECK(lamina_preprocess_bytes(model.get(), bytes.data(), 20, "upload.png", out.data(),
                                out.size()) == LAMINA_ERROR_FORMAT);
  CHECK_THAT(lamina_last_error(), Contains("upload.png"));
}

TEST_CASE("c api: labels end where the classes do", "[capi]") {
  const auto model = load_digits();
  CHECK(std::string(lamina_model_label(model.get(), 9)) == "9");
  CHECK(lamina_model_label(model.get(), 10) == nullptr);
  CHECK(lamina_model_label(model.get(), -1) == nullptr);
}

}  // namespace lamina
