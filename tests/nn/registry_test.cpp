#include <lamina/core/error.h>
#include <lamina/nn/layer_registry.h>
#include <lamina/nn/summary.h>

#include "tests/nn/networks.h"

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::nn;

namespace {

FormatErrc code_of(const LayerSpec& spec) {
  try {
    LayerRegistry::builtin().make(spec, "features.0");
  } catch (const FormatError& error) {
    return error.code();
  }
  FAIL("nothing was thrown");
  return FormatErrc::truncated;
}

}  // namespace

TEST_CASE("registry: an unknown layer type is named with its place", "[nn][registry]") {
  const LayerSpec spec{.type = "Conv3d", .args = {}, .children = {}};
  CHECK(code_of(spec) == FormatErrc::unknown_layer);
  CHECK_THROWS_WITH(LayerRegistry::builtin().make(spec, "features.0"),
                    "unknown layer type 'Conv3d': layer 'features.0'");
}

TEST_CASE("registry: a missing, mistyped or impossible argument is bad_field", "[nn][registry]") {
  LayerSpec spec{.type = "Linear", .args = {{"in_features", std::int64_t{3}}}, .children = {}};
  CHECK(code_of(spec) == FormatErrc::bad_field);
  CHECK_THROWS_WITH(LayerRegistry::builtin().make(spec),
                    "argument 'out_features' of Linear is missing: the model");
  spec.args.emplace_back("out_features", std::string("many"));
  CHECK_THROWS_WITH(LayerRegistry::builtin().make(spec),
                    "argument 'out_features' of Linear is not a whole number: the model");
  spec.args.back().second = std::int64_t{-4};
  CHECK(code_of(spec) == FormatErrc::bad_field);
}

TEST_CASE("summary: shapes, parameters and multiply-accumulates of each layer", "[nn][summary]") {
  const auto layers = summarize(*test::small_network(), {2, 3, 8, 8});
  REQUIRE(layers.size() == 12);
  CHECK(layers[0].name == "0");
  CHECK(layers[0].type == "Conv2d");
  CHECK(layers[0].output == Shape{2, 20, 8, 8});
  CHECK(layers[0].parameters == 20 * 3 * 9 + 20);
  CHECK(layers[0].macs == 2 * 64 * 20 * 27);
  CHECK(layers[3].output == Shape{2, 20, 4, 4});
  CHECK(layers[10].type == "Dropout");
  CHECK(layers[10].output == Shape{2, 31});
  CHECK(layers[11].output == Shape{2, 10});
}
