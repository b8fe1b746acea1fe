// LPIPS against the package lpips in float64, and what holds of any distance.
#include "models/lpips_heads.h"
#include "tests/models/formula.h"
#include "tests/support/temporary_folder.h"

#include <lamina/models/lpips.h>
#include <lamina/serialization/load.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

using namespace lamina;
using models::Lpips;
using models::LpipsDistance;

namespace {

const Model& formula_vgg16() {
  static const Model model = [] {
    Model made = models::vgg16({.num_classes = 10, .init_weights = false});
    made.load_state_dict(test::formula_state(made.state_dict()));
    made.eval();
    return made;
  }();
  return model;
}

// The integers of make_lpips_fixtures.py.
std::vector<int> values_of(std::string_view name, std::int64_t count) {
  const Tensor tensor = test::formula_tensor(name, {count}, 1);
  std::vector<int> values;
  for (const float value : tensor.values<float>()) values.push_back(static_cast<int>(value));
  return values;
}

vision::Image picture(std::string_view name, std::int64_t height, std::int64_t width) {
  vision::Image image{.width = width, .height = height, .pixels = {}};
  for (const int value : values_of(name, height * width * 3)) {
    image.pixels.push_back(static_cast<std::uint8_t>(value + 128));
  }
  return image;
}

vision::Image changed(const vision::Image& one, int change) {
  if (change == 0) return picture("other", one.height, one.width);
  vision::Image image = one;
  const std::vector<int> steps = values_of("step", static_cast<std::int64_t>(one.pixels.size()));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const int step = static_cast<int>(std::floor(steps[i] * change / 128.0));
    image.pixels[i] = static_cast<std::uint8_t>(std::clamp(image.pixels[i] + step, 0, 255));
  }
  return image;
}

// [n, 3, h, w]; each picture has a name of its own.
Tensor pictures(std::string_view name, std::int64_t n, std::int64_t h, std::int64_t w) {
  return test::formula_tensor(name, {n, 3, h, w}, 0x1p-7F);
}

bool same_bits(const LpipsDistance& a, const LpipsDistance& b) {
  return a.distance == b.distance && a.stages == b.stages;
}

}  // namespace

TEST_CASE("lpips: within 1e-5 of the package's distances in float64, stage by stage",
          "[models][lpips]") {
  const auto rows =
      nlohmann::json::parse(test::read_text(std::string(LAMINA_TEST_DATA) + "/models/lpips.json"));
  REQUIRE(rows.size() == 12);
  Lpips lpips(formula_vgg16(), {.device = "cpu"});
  for (const auto& row : rows) {
    const auto one = picture("one", row["height"], row["width"]);
    const LpipsDistance found = lpips.distance(one, changed(one, row["change"]));
    const double expected = row["distance"];
    INFO(row["height"] << "x" << row["width"] << " change " << row["change"] << ": "
                       << found.distance << ", package " << expected << ", relative error "
                       << found.distance / expected - 1);
    CHECK(std::fabs(found.distance - expected) <= 1e-5 * expected);
    for (std::size_t i = 0; i < found.stages.size(); ++i) {
      CHECK(std::fabs(found.stages[i] - row["stages"][i].get<double>()) <= 1e-5 * expected);
    }
  }
}

TEST_CASE("lpips: equal pictures are zero apart, and the order of two does not matter",
          "[models][lpips]") {
  Lpips lpips(formula_vgg16(), {.device = "cpu"});
  const auto one = picture("one", 40, 33), other = picture("other", 40, 33);
  CHECK(lpips.distance(one, one).distance == 0);
  CHECK(same_bits(lpips.distance(one, other), lpips.distance(other, one)));
  CHECK(lpips.distance(one, other).distance > 0);
}

TEST_CASE("lpips: a pair has the same bits in any batch and on any threads", "[models][lpips]") {
  const std::int64_t n = 5;
  // Of the larger two fit a pass, of the smaller as many as max_batch says.
  for (const std::int64_t side : {32, 190}) {
    const Tensor a = pictures("a", n, side, side), b = pictures("b", n, side, side);
    Lpips by_three(formula_vgg16(), {.device = "cpu", .threads = 2, .max_batch = 3});
    const std::vector<LpipsDistance> together = by_three.distances(a, b);
    REQUIRE(together.size() == 5);
    Lpips alone(formula_vgg16(), {.device = "cpu", .threads = 1, .max_batch = 1});
    for (std::int64_t i = 0; i < n; ++i) {
      const auto pair = alone.distances(a.slice(0, i, i + 1), b.slice(0, i, i + 1));
      INFO(side << " pixels, pair " << i);
      CHECK(same_bits(pair.front(), together[static_cast<std::size_t>(i)]));
    }
  }
  Lpips lpips(formula_vgg16(), {.device = "cpu"});
  CHECK(lpips.distances(pictures("a", 0, 16, 16), pictures("b", 0, 16, 16)).empty());
}

TEST_CASE("lpips: pictures become what im2tensor() makes of them", "[models][lpips]") {
  const vision::Image image{.width = 2, .height = 1, .pixels = {0, 51, 255, 128, 127, 1}};
  const Tensor input = models::lpips_input(image);
  CHECK(input.shape() == Shape{1, 3, 1, 2});
  const auto values = input.values<float>();
  const std::vector<float> expected{-1.0F, 0.003921568859368563F, -0.6F, -0.003921568859368563F,
                                    1.0F,  -0.9921568632125854F};
  CHECK(std::equal(values.begin(), values.end(), expected.begin(), expected.end()));
}

TEST_CASE("lpips: pictures that are no pair are refused in plain words", "[models][lpips]") {
  Lpips lpips(formula_vgg16(), {.device = "cpu"});
  const auto refused = [&](const Tensor& a, const Tensor& b, const std::string& why) {
    CHECK_THROWS_AS(lpips.distances(a, b), InvalidArgument);
    CHECK_THROWS_WITH(lpips.distances(a, b), Catch::Contains(why));
  };
  refused(Tensor::zeros({1, 3, 16, 16}), Tensor::zeros({1, 3, 16, 17}),
          "[1, 3, 16, 16] and [1, 3, 16, 17]");
  refused(Tensor::zeros({1, 3, 15, 40}), Tensor::zeros({1, 3, 15, 40}),
          "40 pixels wide and 15 high, each must be at least 16");
  refused(Tensor::zeros({1, 1, 16, 16}), Tensor::zeros({1, 1, 16, 16}), "expected [n, 3, h, w]");
  refused(Tensor::zeros({3, 16, 16}), Tensor::zeros({3, 16, 16}), "expected [n, 3, h, w]");
  refused(Tensor::zeros({1, 3, 16, 16}, DType::u8), Tensor::zeros({1, 3, 16, 16}), "u8 and f32");
}

TEST_CASE("lpips: only VGG16 in eval mode will do", "[models][lpips]") {
  for (const std::string name : {"vgg13", "vgg19", "vgg16_bn"}) {
    Model model = models::make_model(name, {.init_weights = false});
    model.eval();
    INFO(name);
    CHECK_THROWS_AS(Lpips(model, {.device = "cpu"}), InvalidArgument);
    CHECK_THROWS_WITH(Lpips(model, {.device = "cpu"}), Catch::Contains("where VGG16 has"));
  }
  const Model training = models::vgg16({.init_weights = false});
  CHECK_THROWS_WITH(Lpips(training, {.device = "cpu"}), Catch::Contains("train mode"));
}

TEST_CASE("lpips: a file of features alone, or with another classifier, is a VGG16",
          "[models][lpips]") {
  const test::TemporaryFolder folder;
  const auto one = picture("one", 16, 16), other = picture("other", 16, 16);
  const auto distance = [&](const Model& model) {
    return Lpips(model, {.device = "cpu"}).distance(one, other).distance;
  };
  const double expected = distance(formula_vgg16());
  const std::string path = (folder / "w.lamina").string();
  save(formula_vgg16().state_dict(), path);  // ten classes
  CHECK(distance(models::lpips_vgg16({.weights = path})) == expected);
  StateDict features, renamed, fewer;
  for (const auto& [name, tensor] : formula_vgg16().state_dict()) {
    if (!name.starts_with("features.")) continue;
    features.insert(name, tensor);
    renamed.insert("module." + name, tensor);
    if (name != "features.28.bias") fewer.insert(name, tensor);
  }
  save(features, path);
  CHECK(distance(models::lpips_vgg16({.weights = path})) == expected);
  save(renamed, path);
  CHECK(distance(models::lpips_vgg16({.weights = path})) == expected);
  save(fewer, path);
  CHECK_THROWS_AS(models::lpips_vgg16({.weights = path}), StateDictError);
  CHECK_THROWS_WITH(models::lpips_vgg16({.weights = path}), Catch::Contains("features.28.bias"));
}

TEST_CASE("lpips: the heads in the library are those of the file, and none is negative",
          "[models][lpips]") {
  const StateDict file = load(std::string(LAMINA_MODEL_DATA) + "/lpips/vgg.lamina");
  const StateDict& heads = models::detail::lpips_heads();
  REQUIRE(heads.size() == 5);
  for (const auto& [name, tensor] : file) {
    REQUIRE(heads.contains(name));
    CHECK(equal_bits(heads.at(name), tensor));
    CHECK(std::ranges::all_of(tensor.values<float>(), [](float value) { return value >= 0; }));
  }
}
