// The model that comes with the library does what its container says it does.
#include <lamina/models/model.h>
#include <lamina/nn/session.h>
#include <lamina/serialization/npy.h>
#include <lamina/vision/decode.h>
#include <lamina/vision/transforms.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <string>

using namespace lamina;

namespace {

const std::string kData = LAMINA_MODEL_DATA;

/// Index of the largest of each row's logits.
std::vector<std::int64_t> classify(const Model& model, const std::vector<vision::Image>& images,
                                   const std::string& precision = "fp32") {
  Session session(model, {.device = "cpu", .precision = precision, .max_batch = 32});
  const vision::Transforms& transforms = model.info().transforms;
  const auto count = static_cast<std::int64_t>(images.size());
  Tensor batch = Tensor::empty({count, 3, transforms.crop, transforms.crop});
  float* out = batch.mutable_data<float>();
  for (const vision::Image& image : images) {
    vision::preprocess_into(image, transforms, out);
    out += 3 * transforms.crop * transforms.crop;
  }
  const Tensor logits = session.run(batch);
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = logits.select(0, i).values<float>();
    classes.push_back(std::max_element(row.begin(), row.end()) - row.begin());
  }
  return classes;
}

/// Grey pictures [n, h, w] as RGB.
std::vector<vision::Image> to_images(const Tensor& grey) {
  std::vector<vision::Image> images;
  for (std::int64_t i = 0; i < grey.size(0); ++i) {
    vision::Image image{.width = grey.size(2), .height = grey.size(1), .pixels = {}};
    for (const std::uint8_t level : grey.select(0, i).values<std::uint8_t>()) {
      image.pixels.insert(image.pixels.end(), 3, level);
    }
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace

TEST_CASE("digits: has the accuracy that its container states, on the held-out fifth",
          "[models][digits]") {
  const Model model = load_model(kData + "/digits.lamina");
  const std::string held_out = std::string(LAMINA_TEST_DATA) + "/models/digits_test_";
  const Tensor labels = serialization::load_npy(held_out + "labels.npy");
  const auto classes = classify(model, to_images(serialization::load_npy(held_out + "images.npy")));
  REQUIRE(classes.size() == 360);
  int correct = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    correct += classes[i] == labels.values<std::uint8_t>()[i] ? 1 : 0;
  }
  CHECK(100.0 * correct / 360 == model.info().metrics.at("acc@1"));
  CHECK(model.info().metrics.at("acc@1") >= 98);
}

TEST_CASE("digits: bf16 and int8 agree with fp32 on 99 in 100 of the held-out fifth",
          "[models][digits]") {
  const Model model = load_model(kData + "/digits.lamina");
  const std::string held_out = std::string(LAMINA_TEST_DATA) + "/models/digits_test_";
  const auto images = to_images(serialization::load_npy(held_out + "images.npy"));
  const auto full = classify(model, images);
  for (const std::string precision : {"bf16", "int8"}) {
    const auto narrow = classify(model, images, precision);
    int agree = 0;
    for (std::size_t i = 0; i < full.size(); ++i) agree += narrow[i] == full[i] ? 1 : 0;
    INFO(precision << ": " << agree << " of " << full.size());
    CHECK(agree * 100 >= 99 * static_cast<int>(full.size()));
  }
}

TEST_CASE("digits: reads the pictures that lie beside it", "[models][digits]") {
  const Model model = load_model(kData + "/digits.lamina");
  std::vector<vision::Image> images;
  for (int digit = 0; digit < 10; ++digit) {
    images.push_back(vision::load_image(kData + "/digits/digit-" + std::to_string(digit) + ".png"));
  }
  const auto classes = classify(model, images);
  for (std::size_t digit = 0; digit < 10; ++digit) {
    CHECK(model.info().labels.at(static_cast<std::size_t>(classes[digit])) ==
          std::to_string(digit));
  }
}

TEST_CASE("digits: is small", "[models][digits]") {
  CHECK(std::filesystem::file_size(kData + "/digits.lamina") < 1'000'000);
  CHECK(load_model(kData + "/digits.lamina").module().parameter_count() < 250'000);
}
