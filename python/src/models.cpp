#include "python/src/arrays.h"
#include "python/src/bind.h"
#include "python/src/calls.h"

#include <lamina/models/checkpoint.h>
#include <lamina/models/model.h>
#include <lamina/models/vgg.h>
#include <lamina/serialization/load.h>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

namespace lamina::python {
namespace {

namespace fs = std::filesystem;

ByteProgress interruptible() {
  return [check = InterruptCheck()](std::int64_t, std::int64_t) mutable { check(); };
}

Model make_model(const std::string& name, const std::string& weights, bool progress,
                 std::int64_t num_classes, double dropout, bool init_weights, bool download) {
  return without_gil([&] {
    return models::make_model(name, {.weights = weights,
                                     .progress = progress,
                                     .num_classes = num_classes,
                                     .dropout = dropout,
                                     .init_weights = init_weights,
                                     .download = download,
                                     .on_progress = interruptible()});
  });
}

// missing and unexpected names, as PyTorch returns them.
using Names = std::vector<std::string>;
std::pair<Names, Names> load_state_dict(Model& model, const nb::dict& state, bool strict) {
  nn::LoadReport report = model.load_state_dict(from_dict(state), {.strict = strict});
  return {std::move(report.missing), std::move(report.unexpected)};
}

nb::object forward(const Model& model, nb::handle input) {
  const Tensor batch = from_array(input, "the input");
  return to_numpy(guarded([&] { return model(batch); }), false);
}

StateDict load_tensors(const fs::path& path, bool verify, const std::string& key, bool dequantize) {
  return without_gil([&] {
    return load(
        path,
        {.verify = verify, .progress = interruptible(), .key = key, .dequantize = dequantize});
  });
}

template <typename T>
void save_to(const T& what, const fs::path& path, bool overwrite) {
  without_gil([&] {
    save(what, path, {.progress = interruptible(), .overwrite = overwrite});
    return true;
  });
}

void bind_model(nb::module_& module) {
  nb::class_<Model>(module, "Model", "A tree of layers, its weights, and what is known of them.")
      .def(
          "state_dict", [](const Model& model) { return to_dict(model.state_dict()); },
          nb::sig("def state_dict(self) -> dict[str, numpy.ndarray]"),
          "Read-only views of the weights, which keep them, or the file they are mapped from, "
          "alive.")
      .def("load_state_dict", &load_state_dict, nb::arg("state_dict"), nb::arg("strict") = true,
           nb::sig("def load_state_dict(self, state_dict: dict[str, typing.Any], strict: bool = "
                   "True) -> tuple[list[str], list[str]]"),
           "Takes the arrays over, without a copy where they are float32 and contiguous. Returns "
           "missing and unexpected names; ``strict`` makes them a `StateDictError`.")
      .def(
          "train",
          [](nb::object self, bool mode) {
            nb::cast<Model&>(self).train(mode);
            return self;
          },
          nb::arg("mode") = true, nb::sig("def train(self, mode: bool = True) -> Model"))
      .def(
          "eval",
          [](nb::object self) {
            nb::cast<Model&>(self).eval();
            return self;
          },
          nb::sig("def eval(self) -> Model"),
          "Dropout off, running statistics on; a `Session` insists on it.")
      .def_prop_ro("training", [](const Model& model) { return model.module().training(); })
      .def("__call__", &forward, nb::arg("input").none(),
           nb::sig("def __call__(self, input: object) -> numpy.ndarray"),
           "Layer by layer, by each layer's definition; a `Session` is faster.")
      .def("__repr__", [](const Model& model) { return nn::to_string(model.module()); })
      .def_prop_rw(
          "name", [](const Model& model) { return model.info().name; },
          [](Model& model, std::string name) { model.info().name = std::move(name); })
      .def_prop_rw(
          "weights", [](const Model& model) { return model.info().weights; },
          [](Model& model, std::string text) { model.info().weights = std::move(text); },
          "Where the weights came from: ``\"IMAGENET1K_V1\"``, a path; may be empty.")
      .def_prop_rw(
          "labels", [](const Model& model) { return model.info().labels; },
          [](Model& model, Names labels) { model.info().labels = std::move(labels); },
          "Of the classes, in the order of the logits, or empty. A new list each time.")
      .def_prop_rw(
          "transforms", [](const Model& model) { return model.info().transforms; },
          [](Model& model, const vision::Transforms& transforms) {
            model.info().transforms = transforms;
          },
          "What the weights were trained to see. A copy: assign it to change it.")
      .def_prop_ro(
          "metrics", [](const Model& model) { return model.info().metrics; },
          "``{\"acc@1\": 71.6}``: in percent.")
      .def_prop_rw(
          "input_ranges", [](const Model& model) { return model.info().input_ranges; },
          [](Model& model, InputRanges ranges) { model.info().input_ranges = std::move(ranges); },
          "Of calibrated weights, for int8.");
}

}  // namespace

void bind_models(nb::module_& module) {
  bind_model(module);
  module.def("model_names", &models::model_names, "``[\"vgg11\", \"vgg11_bn\", ...]``");
  module.def("make_model", &make_model, nb::arg("name"), nb::arg("weights"), nb::arg("progress"),
             nb::arg("num_classes"), nb::arg("dropout"), nb::arg("init_weights"),
             nb::arg("download"));
  module.def(
      "make_model_from",
      [](const nb::dict& state) { return models::make_model_from(from_dict(state)); },
      nb::arg("state_dict"),
      nb::sig("def make_model_from(state_dict: dict[str, typing.Any]) -> Model"));
  module.def(
      "load_model",
      [](const fs::path& path, bool verify) {
        return without_gil(
            [&] { return load_model(path, {.verify = verify, .progress = interruptible()}); });
      },
      nb::arg("path"), nb::arg("verify") = false,
      "A whole model from a ``.lamina`` file, mapped, in eval mode. ``verify`` compares every "
      "byte with its checksum.");
  module.def(
      "load",
      [](const fs::path& path, bool verify, const std::string& key, bool dequantize) {
        return to_dict(load_tensors(path, verify, key, dequantize));
      },
      nb::arg("path"), nb::kw_only(), nb::arg("verify") = false, nb::arg("key") = "",
      nb::arg("dequantize") = false,
      nb::sig("def load(path: str | os.PathLike[str], *, verify: bool = False, key: str = '', "
              "dequantize: bool = False) -> dict[str, numpy.ndarray]"),
      "The tensors of any kind of weight file, read-only views of the mapped file. ``key``: "
      "where in a pickled object they stand.");
  module.def("save_model", &save_to<Model>, nb::arg("model"), nb::arg("path"),
             nb::arg("overwrite"));
  module.def(
      "save_tensors",
      [](const nb::dict& state, const fs::path& path, bool overwrite) {
        save_to(from_dict(state), path, overwrite);
      },
      nb::arg("state_dict"), nb::arg("path"), nb::arg("overwrite"));
  module.def(
      "save_any",
      [](const nb::dict& state, const fs::path& path, bool overwrite) {
        const StateDict tensors = from_dict(state);
        without_gil([&] {
          save_any(tensors, path, {.progress = interruptible(), .overwrite = overwrite});
          return true;
        });
      },
      nb::arg("state_dict"), nb::arg("path"), nb::arg("overwrite") = true,
      nb::sig("def save_any(state_dict: dict[str, typing.Any], path: str | os.PathLike[str], "
              "overwrite: bool = True) -> None"),
      "Writes what the extension names: .lamina, .safetensors, .npz, .pth or .pt.");
  module.def(
      "save_checkpoint",
      [](const nb::dict& state, const std::string& data, const fs::path& path, bool overwrite) {
        save_to(Checkpoint{.state = from_dict(state), .data = data}, path, overwrite);
      },
      nb::arg("state_dict"), nb::arg("data"), nb::arg("path"), nb::arg("overwrite"));
  module.def(
      "load_checkpoint",
      [](const fs::path& path) {
        const Checkpoint checkpoint =
            without_gil([&] { return load_checkpoint(path, {.progress = interruptible()}); });
        return std::pair(to_dict(checkpoint.state), checkpoint.data);
      },
      nb::arg("path"),
      nb::sig("def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, "
              "numpy.ndarray], str]"));
}

}  // namespace lamina::python
