// The two JSON texts of a model, without the container around them: structure, and what is known
// about the weights, split by the first zero byte.
#include <lamina/core/error.h>

#include "core/storage.h"
#include "models/model_json.h"
#include "models/vgg_module.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <string_view>

using namespace lamina;
using namespace lamina::models::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t split = std::min(text.find('\0'), text.size());
  fuzz::attempt([&] {
    const nn::LayerSpec spec = layer_spec_from_json(text.substr(0, split));
    const std::string json = to_json(spec);
    fuzz::expect(to_json(layer_spec_from_json(json)) == json, "a structure reads back as written");
    const AllocationLimit limit(1 << 20);
    const auto module = model_layers().make(spec);
    module->state_dict();
    fuzz::expect(!to_json(module->spec()).empty(), "a model has a structure");
  });
  fuzz::attempt([&] {
    const std::string json =
        to_json(model_info_from_json(text.substr(std::min(split + 1, text.size()))));
    fuzz::expect(to_json(model_info_from_json(json)) == json, "the info reads back as written");
  });
  return 0;
}
