// Handles that free themselves, and the digits model.
#pragma once

#include <lamina/c.h>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lamina::test {

struct Free {
  void operator()(lamina_model* model) const { lamina_model_free(model); }
  void operator()(lamina_session* session) const { lamina_session_free(session); }
};
using ModelHandle = std::unique_ptr<lamina_model, Free>;
using SessionHandle = std::unique_ptr<lamina_session, Free>;

inline const std::string kDigits = LAMINA_TEST_DATA "/../../models/data/digits.lamina";
inline const std::string kDigit3 = LAMINA_TEST_DATA "/../../models/data/digits/digit-3.png";

inline void ok(lamina_status status) {
  INFO(lamina_last_error());
  REQUIRE(status == LAMINA_OK);
}

inline ModelHandle load_digits() {
  lamina_model* model = nullptr;
  ok(lamina_model_load(kDigits.c_str(), &model));
  return ModelHandle(model);
}

inline SessionHandle make_session(const lamina_model* model,
                                  const lamina_session_options* options = nullptr) {
  lamina_session* session = nullptr;
  ok(lamina_session_create(model, options, &session));
  return SessionHandle(session);
}

/// One picture as the model wants it, [1, 3, h, w].
struct Picture {
  std::vector<float> pixels;
  lamina_tensor tensor{};

  explicit Picture(const lamina_model* model) {
    std::int64_t shape[4] = {1, 0, 0, 0};
    ok(lamina_model_input_shape(model, shape + 1));
    pixels.resize(static_cast<std::size_t>(shape[1] * shape[2] * shape[3]));
    ok(lamina_preprocess_file(model, kDigit3.c_str(), pixels.data(), pixels.size()));
    ok(lamina_tensor_contiguous(pixels.data(), LAMINA_F32, 4, shape, &tensor));
  }
  Picture(const Picture&) = delete;
};

}  // namespace lamina::test
