// Each layer's way back from its LayerSpec, defined beside the layer and listed in
// layer_registry.cpp.
#pragma once

#include <lamina/nn/layer_registry.h>
#include <lamina/nn/size2.h>

namespace lamina::nn {

std::shared_ptr<Module> make_conv2d(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_linear(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_max_pool2d(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_avg_pool2d(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_adaptive_avg_pool2d(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_batch_norm1d(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_batch_norm2d(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_relu(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_softmax(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_dropout(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_flatten(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_identity(const LayerSpec& spec, const LayerRegistry&);
std::shared_ptr<Module> make_sequential(const LayerSpec& spec, const LayerRegistry& registry);

/// A size as a spec keeps it: a number where it was written as one, else [h, w]; kNone is None.
ArgValue to_arg(const Size2& size);
/// The way back. Throws FormatError bad_field.
Size2 arg_size2(const LayerSpec& spec, std::string_view name);
Size2 arg_size2(const LayerSpec& spec, std::string_view name, Size2 fallback);

}  // namespace lamina::nn
