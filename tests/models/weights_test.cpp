// Models by name, and their weights by seed, file and published name.
#include "models/published_weights.h"
#include "models/random.h"
#include "tests/support/environment.h"
#include "tests/support/temporary_folder.h"

#include <lamina/models/vgg.h>

#include <catch2/catch.hpp>

#include <cmath>

using namespace lamina;
using models::make_model;
using test::EnvironmentVariable;

namespace {

/// The hint of the E that f throws.
template <typename E, typename F>
std::string hint_of(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.hint();
  }
  FAIL("nothing was thrown");
  return {};
}

/// No cache of this machine is looked into but folder's.
struct EmptyCaches {
  test::TemporaryFolder folder;
  EnvironmentVariable own{"LAMINA_CACHE", (folder / "lamina").c_str()};
  EnvironmentVariable torch{"TORCH_HOME", (folder / "torch").c_str()};
  EnvironmentVariable xdg{"XDG_CACHE_HOME", nullptr};
  EnvironmentVariable home{"HOME", (folder / "home").c_str()};
};

StateDict zeros_of(const std::string& name, std::int64_t num_classes) {
  return make_model(name, {.num_classes = num_classes, .init_weights = false}).state_dict();
}

}  // namespace

TEST_CASE("make_model: knows eight names and suggests the nearest to a wrong one",
          "[models][weights]") {
  CHECK(models::model_names().size() == 8);
  CHECK(hint_of<InvalidArgument>([] { make_model("vgg16bn"); }) == "did you mean 'vgg16_bn'?");
}

TEST_CASE("make_model: refuses options that make no model", "[models][weights]") {
  CHECK_THROWS_AS(make_model("vgg11", {.num_classes = 0}), InvalidArgument);
  CHECK_THROWS_AS(make_model("vgg11", {.weights = "random:x"}), InvalidArgument);
  CHECK_THROWS_AS(make_model("vgg11", {.weights = "random:-1"}), InvalidArgument);
}

TEST_CASE("make_model: an untrained model has seed 0's weights", "[models][weights]") {
  const Tensor weight = make_model("vgg11").state_dict()["features.0.weight"];
  Tensor expected = Tensor::empty({64, 3, 3, 3});
  models::detail::fill_normal({expected.mutable_data<float>(), 64 * 27}, 0, "features.0.weight",
                              std::sqrt(2.0 / (64 * 9)), 1);
  CHECK(equal_bits(weight, expected));
}

TEST_CASE("make_model: with weights the model is in eval mode and knows the labels",
          "[models][weights]") {
  const Model model = make_model("vgg11", {.weights = "random:3", .init_weights = false});
  CHECK(!model.module().training());
  CHECK(model.info().weights == "random:3");
  CHECK(model.info().labels.at(208) == "Labrador retriever");
  CHECK(make_model("vgg11", {.init_weights = false}).module().training());
}

TEST_CASE("make_model: takes weights from a file", "[models][weights]") {
  const test::TemporaryFolder folder;
  StateDict state = zeros_of("vgg11", 3);
  state.set("classifier.6.bias", Tensor::from(std::vector<float>{1, 2, 3}, {3}));
  save(state, folder / "w.lamina");
  const Model model =
      make_model("vgg11", {.weights = (folder / "w.lamina").string(), .num_classes = 3});
  CHECK(equal_bits(model.state_dict()["classifier.6.bias"], state["classifier.6.bias"]));
  CHECK(model.info().labels.empty());

  const auto as = [&](const std::string& name, std::int64_t num_classes) {
    return hint_of<StateDictError>([&] {
      make_model(name, {.weights = (folder / "w.lamina").string(), .num_classes = num_classes});
    });
  };
  CHECK(as("vgg16", 3) == "the weights fit vgg11");
  CHECK(as("vgg11", 4) == "the weights have 3 classes: set num_classes");
}

TEST_CASE("published weights: where there are none, the error says where to put them",
          "[models][weights]") {
  const EmptyCaches caches;
  const std::string hint = hint_of<models::WeightsNotFound>(
      [] { make_model("vgg16", {.weights = "IMAGENET1K_V1", .download = false}); });
  CHECK_THAT(hint, Catch::Contains("vgg16-397923af.pth") &&
                       Catch::Contains((caches.folder / "lamina").string()));
  CHECK_THROWS_AS(make_model("vgg16", {.weights = "DEFAULT", .num_classes = 10}), InvalidArgument);
  CHECK_THROWS_AS(make_model("vgg11", {.weights = "IMAGENET1K_FEATURES"}), InvalidArgument);
}

TEST_CASE("published weights: a file in PyTorch's cache is used, with what is known of it",
          "[models][weights]") {
  const EmptyCaches caches;
  const auto hub = caches.folder / "torch/hub/checkpoints";
  std::filesystem::create_directories(hub);
  save_any(zeros_of("vgg11", 1000), hub / "vgg11-8a719046.safetensors");
  const Model model = make_model("vgg11", {.weights = "DEFAULT"});
  CHECK(model.info().weights == "IMAGENET1K_V1");
  CHECK(model.info().metrics.at("acc@1") == 69.020);
  CHECK(model.info().labels.size() == 1000);
}

TEST_CASE("published weights: a damaged file in a cache is named, with what to do about it",
          "[models][weights]") {
  const EmptyCaches caches;
  std::filesystem::create_directories(caches.folder / "lamina");
  const auto path = caches.folder / "lamina/vgg11-8a719046.safetensors";
  save_any(zeros_of("vgg11", 1000), path);
  std::filesystem::resize_file(path, 1000);
  CHECK(hint_of<FormatError>([] { make_model("vgg11", {.weights = "DEFAULT"}); }) ==
        "remove the file, and it is downloaded anew");
}

TEST_CASE("published weights: Lamina's cache comes before PyTorch's", "[models][weights]") {
  const EmptyCaches caches;
  const auto directories = models::detail::weight_directories();
  REQUIRE(directories.size() == 3);
  CHECK(directories[0] == caches.folder / "lamina");
  CHECK(directories[1] == caches.folder / "torch/hub/checkpoints");
  CHECK(directories[2] == caches.folder / "home/.cache/torch/hub/checkpoints");
}

TEST_CASE("imagenet_labels: a thousand, in torchvision's order", "[models][weights]") {
  const auto& labels = models::imagenet_labels();
  REQUIRE(labels.size() == 1000);
  CHECK(labels.front() == "tench");
  CHECK(labels.back() == "toilet tissue");
}
