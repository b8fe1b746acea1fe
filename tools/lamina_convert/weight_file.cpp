#include "tools/lamina_convert/weight_file.h"

#include "models/weight_names.h"
#include "tools/support/failure.h"
#include "tools/support/weight_fit.h"

#include <lamina/models/vgg.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>

namespace lamina::tools {

std::string describe(const Tensor& tensor) {
  return fmt::format("{} {}", to_string(tensor.dtype()), to_string(tensor.shape()));
}

std::string extension_of(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

std::int64_t element_count(const StateDict& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors) count += tensor.numel();
  return count;
}

DType common_type(const StateDict& tensors) {
  std::optional<DType> common;
  for (const auto& [name, tensor] : tensors) {
    if (!is_floating(tensor.dtype())) continue;
    if (common && *common != tensor.dtype()) return DType::f32;
    common = tensor.dtype();
  }
  return common.value_or(DType::f32);
}

LoadOptions load_options(const ConvertOptions& options, const std::vector<std::string>& paths,
                         ByteProgress progress) {
  const char* given = !options.key.empty() ? "--key"
                      : options.dequantize ? "--dequantize"
                                           : nullptr;
  if (given != nullptr && std::none_of(paths.begin(), paths.end(), is_pickled)) {
    throw UsageError(
        fmt::format("{} is for pickled files, as PyTorch writes them: {}", given, paths.front()));
  }
  LoadOptions how;
  how.progress = std::move(progress);
  how.key = options.key;
  how.dequantize = options.dequantize;
  return how;
}

std::int64_t class_count(const StateDict& tensors) {
  constexpr std::int64_t kImageNetClasses = 1000;
  const Tensor* bias = tensors.find("classifier.6.bias");
  return bias == nullptr || bias->numel() == 0 ? kImageNetClasses : bias->numel();
}

Model model_with(const std::string& arch, const StateDict& tensors, const std::string& file,
                 std::int64_t classes) {
  Model model = models::make_model(arch, {.num_classes = classes, .init_weights = false});
  model.module().to(common_type(tensors));
  try {
    model.load_state_dict(tensors);
  } catch (const StateDictError& error) {
    throw StateDictError(fmt::format("[{}] {}: {}", arch, models::detail::report_of(error), file),
                         convert_hint(tensors, file, arch));
  }
  model.eval();
  model.info().weights = std::filesystem::path(file).filename().string();
  return model;
}

void check_target(const std::string& path, bool force) {
  constexpr std::array kExtensions{".lamina", ".safetensors", ".npz", ".pth", ".pt"};
  const std::string extension = extension_of(path);
  if (std::find(kExtensions.begin(), kExtensions.end(), extension) == kExtensions.end()) {
    throw UsageError("no kind of file that can be written: " + path,
                     "known extensions: .lamina, .safetensors, .npz, .pth, .pt");
  }
  std::error_code error;
  if (!force && std::filesystem::exists(path, error)) {
    throw UsageError("the file is there already: " + path, "--force replaces it");
  }
}

}  // namespace lamina::tools
