// Weights under other names: what they would fit, and what is said of it.
#include "models/weight_names.h"
#include "models/vgg_module.h"
#include "tests/support/temporary_folder.h"

#include <lamina/core/error.h>
#include <lamina/core/log.h>
#include <lamina/models/vgg.h>
#include <lamina/serialization/load.h>

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::models;
using namespace lamina::models::detail;

namespace {

// Untouched zeros, which take no memory.
StateDict zeros_of(const std::string& name, std::int64_t classes = 1000) {
  return make_model(name, {.num_classes = classes, .init_weights = false}).state_dict();
}

StateDict prefixed(const StateDict& tensors, const std::string& prefix) {
  StateDict out;
  for (const auto& [name, tensor] : tensors) out.insert(prefix + name, tensor);
  return out;
}

StateDict as_timm(const StateDict& tensors) {
  StateDict out;
  for (const auto& [name, tensor] : tensors) {
    std::string renamed = name;
    Shape shape = tensor.shape();
    for (const auto& [ours, theirs] : {std::pair{"classifier.0", "pre_logits.fc1"},
                                       {"classifier.3", "pre_logits.fc2"},
                                       {"classifier.6", "head.fc"}}) {
      if (name.starts_with(ours)) renamed.replace(0, std::string(ours).size(), theirs);
    }
    if (renamed == "pre_logits.fc1.weight") shape = {4096, 512, 7, 7};
    if (renamed == "pre_logits.fc2.weight") shape = {4096, 4096, 1, 1};
    out.insert(renamed, tensor.reshape(shape));
  }
  return out;
}

std::string hint_for(const StateDict& tensors, const char* model) {
  return describe_misfit(tensors, find_fit(tensors), model);
}

}  // namespace

TEST_CASE("weight names: each of the eight is recognised by names and shapes", "[models][names]") {
  for (const std::string& name : model_names()) {
    const auto fit = find_fit(zeros_of(name, 7));
    REQUIRE(fit);
    CHECK(fit->model == name);
    CHECK(fit->num_classes == 7);
    CHECK(fit->prefix.empty());
    CHECK_FALSE(fit->has_other_names);
    CHECK_FALSE(fit->timm);
  }
}

TEST_CASE("weight names: batch norm's counters may be missing", "[models][names]") {
  StateDict tensors = zeros_of("vgg11_bn");
  for (const auto& [name, tensor] : zeros_of("vgg11_bn")) {
    if (name.ends_with("num_batches_tracked")) tensors.erase(name);
  }
  CHECK(find_fit(tensors)->model == "vgg11_bn");
}

TEST_CASE("weight names: a prefix, timm's names and other tensors are told, alone and together",
          "[models][names]") {
  const StateDict plain = zeros_of("vgg13");
  CHECK(hint_for(plain, "vgg16") == "the weights fit vgg13");
  CHECK(hint_for(prefixed(plain, "model.net."), "vgg13") ==
        "every name begins with 'model.net.'; renamed, the weights fit vgg13");
  CHECK(hint_for(as_timm(plain), "vgg13") ==
        "the names are timm's; renamed, the weights fit vgg13");
  StateDict all = prefixed(as_timm(plain), "model.");
  all.insert("optimizer.step", Tensor::zeros({}));
  CHECK(hint_for(all, "vgg13") ==
        "only the names that begin with 'model.' are a VGG's; the names are timm's; those fit "
        "vgg13");
  const auto fit = find_fit(all);
  REQUIRE(fit);
  CHECK(fit->prefix == "model.");
  CHECK(fit->timm);
  CHECK(fit->has_other_names);
}

TEST_CASE("weight names: what is no whole VGG is told too", "[models][names]") {
  StateDict features = zeros_of("vgg11");
  for (const auto& [name, tensor] : zeros_of("vgg11")) {
    if (name.starts_with("classifier")) features.erase(name);
  }
  CHECK(hint_for(features, "vgg11") == "the file has vgg11's features and no classifier");
  CHECK(hint_for(StateDict(), "vgg11") == "the file holds no tensors");
  StateDict other;
  other.insert("conv1.weight", Tensor::zeros({1}));
  CHECK(hint_for(other, "vgg11") == "no name in the file is a VGG's, the first is 'conv1.weight'");
  StateDict narrow = zeros_of("vgg11");
  narrow.set("features.0.weight", Tensor::zeros({32, 3, 3, 3}));
  CHECK_FALSE(find_fit(narrow));
  CHECK(hint_for(narrow, "vgg11").empty());
}

TEST_CASE("weight names: a model is made of the tensors themselves", "[models][names]") {
  const StateDict plain = zeros_of("vgg13_bn", 5);
  for (const StateDict& state : {plain, prefixed(plain, "module.")}) {
    const Model model = make_model_from(state);
    CHECK(model.info().name == "vgg13_bn");
    CHECK_FALSE(model.module().training());
    CHECK(model.state_dict()["classifier.6.weight"].shares_storage_with(
        plain["classifier.6.weight"]));
  }
  CHECK_THROWS_AS(make_model_from(StateDict()), StateDictError);
  try {
    make_model_from(as_timm(plain));
    FAIL("timm's names were taken");
  } catch (const StateDictError& error) {
    CHECK(error.hint() == "the names are timm's; the weights fit vgg13_bn");
  }
}

TEST_CASE("weight names: DataParallel's prefix comes off where every name has it, with a note",
          "[models][names]") {
  CHECK_FALSE(without_data_parallel(StateDict()));
  StateDict mixed = prefixed(zeros_of("vgg11"), "module.");
  mixed.insert("other", Tensor::zeros({}));
  CHECK_FALSE(without_data_parallel(mixed));

  const test::TemporaryFolder folder;
  StateDict state = zeros_of("vgg11", 3);
  state.set("classifier.6.bias", Tensor::from(std::vector<float>{1, 2, 3}, {3}));
  save_any(prefixed(state, "module."), folder / "w.safetensors");
  std::string note;
  set_log_callback([&note](LogLevel, std::string_view message) { note = message; });
  const Model model =
      make_model("vgg11", {.weights = (folder / "w.safetensors").string(), .num_classes = 3});
  set_log_callback({});
  CHECK(equal_bits(model.state_dict()["classifier.6.bias"], state["classifier.6.bias"]));
  CHECK_THAT(note, Catch::StartsWith("'module.' taken off every name"));
}
