// The eight networks against torchvision: what they print, and what they compute.
#include "tests/models/formula.h"
#include "tests/support/temporary_folder.h"

#include <lamina/models/vgg.h>
#include <lamina/nn/session.h>
#include <lamina/serialization/npy.h>

#include <catch2/catch.hpp>

#include <sstream>

using namespace lamina;

namespace {

Tensor golden(const std::string& name) {
  return serialization::load_npy(std::string(LAMINA_TEST_DATA) + "/models/" + name + ".npy");
}

Model formula_model(const std::string& name, std::int64_t num_classes) {
  Model model = models::make_model(name, {.num_classes = num_classes, .init_weights = false});
  model.load_state_dict(test::formula_state(model.state_dict()));
  model.eval();
  return model;
}

// Relative to the largest logit, since that is what a classification depends on.
void check_close(const Tensor& computed, const Tensor& expected) {
  REQUIRE(computed.shape() == expected.shape());
  const Difference found = difference(computed, expected);
  INFO("largest difference " << found.max_abs << " at " << found.worst_index << ", largest logit "
                             << found.max_abs_reference);
  CHECK(!(found.max_abs > 1e-5 * found.max_abs_reference));
}

}  // namespace

TEST_CASE("vgg: all eight print PyTorch's text, byte for byte", "[models][vgg]") {
  for (const std::string& name : models::model_names()) {
    std::ostringstream text;
    text << models::make_model(name, {.init_weights = false});
    INFO(name);
    CHECK(text.str() ==
          test::read_text(std::string(LAMINA_TEST_DATA) + "/models/" + name + ".txt"));
  }
}

TEST_CASE("vgg: all eight give PyTorch's logits for a batch of three 32x32 images",
          "[models][vgg]") {
  const Tensor input = test::formula_input({3, 3, 32, 32});
  for (const std::string& name : models::model_names()) {
    const Model model = formula_model(name, 10);
    INFO(name);
    Session session(model, {.device = "cpu", .max_batch = 3});
    check_close(session.run(input), golden(name + "_small"));
  }
}

TEST_CASE("vgg: module by module gives PyTorch's logits too", "[models][vgg]") {
  const Model model = formula_model("vgg11_bn", 10);
  check_close(model(test::formula_input({3, 3, 32, 32})), golden("vgg11_bn_small"));
}

TEST_CASE("vgg: an odd, oblong image gives PyTorch's logits", "[models][vgg]") {
  const Model model = formula_model("vgg13_bn", 10);
  Session session(model, {.device = "cpu"});
  check_close(session.run(test::formula_input({1, 3, 225, 301})), golden("vgg13_bn_225x301"));
}

TEST_CASE("vgg16: a 224x224 image gives PyTorch's thousand logits", "[models][vgg]") {
  const Model model = formula_model("vgg16", 1000);
  Session session(model, {.device = "cpu"});
  check_close(session.run(test::formula_input({1, 3, 224, 224})), golden("vgg16_224"));
}

TEST_CASE("vgg: an image below 32 pixels is refused in plain words", "[models][vgg]") {
  Model model = models::vgg11({.num_classes = 10, .init_weights = false});
  model.eval();
  CHECK_THROWS_AS(model(Tensor::zeros({1, 3, 32, 31})), InvalidArgument);
  CHECK_THROWS_WITH(model(Tensor::zeros({1, 3, 32, 31})), Catch::Contains("at least 32"));
  Session session(model, {.device = "cpu"});
  CHECK_THROWS_AS(session.run(Tensor::zeros({1, 3, 32, 31})), InvalidArgument);
}

TEST_CASE("vgg: parameters are as many as torchvision says", "[models][vgg]") {
  const auto count = [](const std::string& name) {
    return models::make_model(name, {.init_weights = false}).module().parameter_count();
  };
  CHECK(count("vgg11") == 132863336);
  CHECK(count("vgg13_bn") == 133053736);
  CHECK(count("vgg16") == 138357544);
  CHECK(count("vgg19_bn") == 143678248);
}
