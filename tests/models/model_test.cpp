// Whole models and checkpoints, to a file and back.
#include "tests/support/temporary_folder.h"

#include <lamina/models/checkpoint.h>
#include <lamina/models/model.h>
#include <lamina/models/vgg.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/sequential.h>
#include <lamina/nn/simple_layers.h>
#include <lamina/serialization/container.h>

#include <catch2/catch.hpp>

#include <sstream>

using namespace lamina;

namespace {

Model small_model() {
  auto net = std::make_shared<nn::Sequential>();
  net->add("first", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
                        .in_channels = 1, .out_channels = 2, .kernel_size = nn::Size2(3, 1)}));
  net->add("second", std::make_shared<nn::ReLU>());
  net->load_state_dict([] {
    StateDict state;
    state.insert("first.weight", Tensor::full({2, 1, 3, 1}, 0.5F));
    state.insert("first.bias", Tensor::full({2}, -1));
    return state;
  }());
  return {net, {.name = "small", .labels = {"a", "b"}}};
}

std::string text_of(const Model& model) {
  std::ostringstream text;
  text << model;
  return text.str();
}

// A container whose structure is `model` and whose tensors are small_model()'s.
std::filesystem::path write_structure(const test::TemporaryFolder& folder,
                                      const std::string& model) {
  serialization::Container container;
  container.tensors = small_model().state_dict();
  container.model = model;
  serialization::write_container(folder / "m.lamina", container);
  return folder / "m.lamina";
}

FormatErrc load_error(const std::filesystem::path& path) {
  try {
    load_model(path);
  } catch (const FormatError& error) {
    CHECK_THAT(error.what(), Catch::Contains(path.string()));
    return error.code();
  }
  FAIL("nothing was thrown");
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("model: saved and loaded it prints, holds and knows the same", "[models][model]") {
  const test::TemporaryFolder folder;
  const Model model = small_model();
  save(model, folder / "m.lamina");
  const Model again = load_model(folder / "m.lamina");
  CHECK(text_of(again) == text_of(model));
  CHECK(again.info().name == "small");
  CHECK(again.info().labels == model.info().labels);
  CHECK(!again.module().training());
  const StateDict before = model.state_dict(), after = again.state_dict();
  REQUIRE(after.size() == before.size());
  for (const auto& [name, tensor] : before) CHECK(equal_bits(tensor, after[name]));
}

TEST_CASE("model: a loaded model's weights are views of the file", "[models][model]") {
  const test::TemporaryFolder folder;
  save(small_model(), folder / "m.lamina");
  CHECK(load_model(folder / "m.lamina").state_dict()["first.weight"].is_read_only());
}

TEST_CASE("model: a vgg comes back with its structure and labels", "[models][model]") {
  const test::TemporaryFolder folder;
  const Model model = models::vgg11({.num_classes = 10, .init_weights = false});
  save(model, folder / "vgg.lamina");
  const Model again = load_model(folder / "vgg.lamina");
  CHECK(text_of(again) == text_of(model));
  CHECK(again.info().name == "vgg11");
}

TEST_CASE("model: a file with tensors alone is an error that says what to do", "[models][model]") {
  const test::TemporaryFolder folder;
  save(small_model().state_dict(), folder / "w.lamina");
  CHECK(load_error(folder / "w.lamina") == FormatErrc::bad_field);
}

TEST_CASE("model: an unknown layer is named with its place and a hint", "[models][model]") {
  const test::TemporaryFolder folder;
  const auto path = write_structure(
      folder, R"({"type":"Sequential","children":[{"name":"block","type":"Sequential","children":)"
              R"([{"name":"first","type":"Conv3d"}]}]})");
  try {
    load_model(path);
    FAIL("nothing was thrown");
  } catch (const FormatError& error) {
    CHECK(error.code() == FormatErrc::unknown_layer);
    CHECK_THAT(error.what(), Catch::Contains("Conv3d") && Catch::Contains("'block.first'"));
    CHECK_THAT(error.hint(), Catch::Contains("Conv2d"));
  }
}

TEST_CASE("model: sizes beyond what the file holds are refused before memory is taken",
          "[models][model]") {
  const test::TemporaryFolder folder;
  const auto with_channels = [&](const std::string& channels) {
    return write_structure(folder, R"({"type":"Sequential","children":[{"name":"first","type":)"
                                   R"("Conv2d","args":{"in_channels":)" +
                                       channels + R"(,"out_channels":)" + channels +
                                       R"(,"kernel_size":3}}]})");
  };
  CHECK(load_error(with_channels("100000")) == FormatErrc::limit);
  CHECK(load_error(with_channels("4611686018427387904")) == FormatErrc::bad_field);
  CHECK(load_error(with_channels("-1")) == FormatErrc::bad_field);
}

TEST_CASE("model: tensors that do not fit the structure are a StateDictError with the path",
          "[models][model]") {
  const test::TemporaryFolder folder;
  const auto path = write_structure(
      folder, R"({"type":"Sequential","children":[{"name":"other","type":"ReLU"}]})");
  CHECK_THROWS_AS(load_model(path), StateDictError);
  CHECK_THROWS_WITH(load_model(path),
                    Catch::Contains("first.weight") && Catch::Contains(path.string()));
}

TEST_CASE("model: a VGG without its three children is a bad field", "[models][model]") {
  const test::TemporaryFolder folder;
  CHECK(load_error(write_structure(folder, R"({"type":"VGG"})")) == FormatErrc::bad_field);
}

TEST_CASE("checkpoint: state and data come back as they were", "[models][checkpoint]") {
  const test::TemporaryFolder folder;
  const Model model = small_model();
  const std::string data = R"({"epoch": 5, "loss": 0.4})";
  save(Checkpoint{.state = model.state_dict(), .data = data}, folder / "c.lamina");
  const Checkpoint checkpoint = load_checkpoint(folder / "c.lamina");
  CHECK(checkpoint.data == data);
  CHECK(equal_bits(checkpoint.state["first.bias"], model.state_dict()["first.bias"]));
}

TEST_CASE("checkpoint: a file without one, and data that are not JSON, are errors",
          "[models][checkpoint]") {
  const test::TemporaryFolder folder;
  save(small_model().state_dict(), folder / "w.lamina");
  CHECK_THROWS_AS(load_checkpoint(folder / "w.lamina"), FormatError);
  CHECK_THROWS_AS(save(Checkpoint{.state = {}, .data = ""}, folder / "c"), InvalidArgument);
  CHECK_THROWS_AS(save(Checkpoint{.state = {}, .data = "epoch 5"}, folder / "c"), InvalidArgument);
}
