// A whole model: a tree of modules and what is known about it (weights, labels, preprocessing).
//
//   Model model = models::vgg16();
//   model.load_state_dict(lamina::load("model_weights.lamina"));
//   model.eval();
//   lamina::save(model, "model.lamina");                  // structure and weights, no code
//   Model again = lamina::load_model("model.lamina");
#pragma once

#include <lamina/core/export.h>
#include <lamina/nn/input_ranges.h>
#include <lamina/nn/module.h>
#include <lamina/serialization/load.h>
#include <lamina/vision/transforms.h>

#include <filesystem>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lamina {

struct LAMINA_API ModelInfo {
  std::string name = {};                 ///< "vgg16", "digits"
  std::string weights = {};              ///< "IMAGENET1K_V1", "random:0", a path; empty: untrained
  std::vector<std::string> labels = {};  ///< of the classes, or empty
  vision::Transforms transforms = {};    ///< what the weights were trained to see
  std::map<std::string, double> metrics = {};  ///< "acc@1" in percent, …
  /// Of these weights, from example pictures; empty: not calibrated. For SessionOptions.
  InputRanges input_ranges = {};
};

/// A handle: copies share the modules.
class LAMINA_API Model {
 public:
  Model(std::shared_ptr<nn::Module> module, ModelInfo info);

  Tensor operator()(const Tensor& input) const { return (*module_)(input); }
  StateDict state_dict() const { return module_->state_dict(); }
  nn::LoadReport load_state_dict(const StateDict& state,
                                 const nn::LoadStateDictOptions& options = {});
  void train(bool on = true) { module_->train(on); }
  void eval() { module_->eval(); }

  nn::Module& module() { return *module_; }
  const nn::Module& module() const { return *module_; }
  operator const nn::Module&() const { return *module_; }  // NOLINT: Session(model)
  ModelInfo& info() { return info_; }
  const ModelInfo& info() const { return info_; }

 private:
  std::shared_ptr<nn::Module> module_;
  ModelInfo info_;
};

/// PyTorch's text of the modules.
LAMINA_API std::ostream& operator<<(std::ostream& out, const Model& model);

/// Writes a container with the model's structure, info and weights.
LAMINA_API void save(const Model& model, const std::filesystem::path& path,
                     const SaveOptions& options = {});
/// Reads one. The weights are views of the mapped file; the model is in eval mode. Throws
/// FormatError where the file holds only a state dict (the hint says what to do), or whatever
/// read_container() and LayerRegistry::make() throw; StateDictError where tensors do not fit.
LAMINA_API Model load_model(const std::filesystem::path& path, const LoadOptions& options = {});

}  // namespace lamina
