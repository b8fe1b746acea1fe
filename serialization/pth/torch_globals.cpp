// Source: PyTorch, torch/_utils.py, torch/_tensor.py, torch/jit/_pickle.py.
#include "serialization/pth/known_globals.h"
#include "serialization/pth/pickled_bytes.h"
#include "serialization/pth/torch_environment.h"
#include "serialization/pth/torch_objects.h"

#include <array>

namespace lamina::serialization {
namespace {

using pickle::Builder;
using pickle::Global;
using pickle::Kind;
using pickle::Object;
using pickle::ObjectKind;
using pickle::Value;

TensorObject* make_tensor(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 4);
  const StorageObject* const storage = pickle::as<StorageObject>(args[0]);
  if (storage == nullptr) builder.fail("a tensor on {}, expected a storage", describe(args[0]));
  auto* const tensor = builder.arena.make<TensorObject>();
  tensor->storage = storage;
  tensor->type = storage->type;
  tensor->offset = integer_of(builder, args[1]);
  tensor->shape = integers_of(builder, args[2]);
  tensor->strides = integers_of(builder, args[3]);
  return tensor;
}

// (storage, offset, shape, strides[, requires_grad, backward_hooks[, metadata]])
Value rebuild_tensor(Builder& builder, const Global& global, Arguments args) {
  TensorObject* const tensor = make_tensor(builder, global, args);
  const auto* const metadata = args.size() > 6 ? pickle::as<pickle::Dict>(args[6]) : nullptr;
  if (metadata != nullptr) {
    for (const char* const bit : {"neg", "conj"}) {
      const Value* const set = find(*metadata, bit);
      if (set != nullptr && set->is(Kind::boolean) && set->boolean) {
        tensor->unsupported = "a view that is negated or conjugated when it is read";
      }
    }
  }
  return Value::of(tensor);
}

// (untyped storage, offset, shape, strides, requires_grad, backward_hooks, dtype[, metadata]):
// types that have no storage class of their own.
Value rebuild_tensor_v3(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 7);
  TensorObject* const tensor = make_tensor(builder, global, args);
  const Global* const type = pickle::as<Global>(args[6]);
  if (type == nullptr || type->tag == nullptr) {
    builder.fail("a tensor of the type {}", describe(args[6]));
  }
  tensor->type = static_cast<const ElementType*>(type->tag);
  return Value::of(tensor);
}

double real_of(const Builder& builder, const Value& value) {
  if (value.is(Kind::integer)) return static_cast<double>(value.integer);
  if (!value.is(Kind::real)) builder.fail("{}, expected a float", describe(value));
  return value.real;
}

// (scheme, scale, zero_point) or (scheme, scales, zero_points, axis)
const Quantiser* quantiser_of(Builder& builder, const Value& parameters) {
  const auto items = items_of(parameters);
  if (!items || items->size() < 3) builder.fail("a quantised tensor without its scale");
  auto* const quantiser = builder.arena.make<Quantiser>();
  quantiser->scales = pickle::as<TensorObject>((*items)[1]);
  if (quantiser->scales == nullptr) {
    quantiser->scale = real_of(builder, (*items)[1]);
    quantiser->zero_point = integer_of(builder, (*items)[2]);
    return quantiser;
  }
  quantiser->zero_points = pickle::as<TensorObject>((*items)[2]);
  if (quantiser->zero_points == nullptr || items->size() < 4) {
    builder.fail("a quantised tensor without its zero points");
  }
  quantiser->axis = integer_of(builder, (*items)[3]);
  return quantiser;
}

// (storage, offset, shape, strides, quantiser, requires_grad, backward_hooks)
Value rebuild_qtensor(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 5);
  TensorObject* const tensor = make_tensor(builder, global, args);
  tensor->quantiser = quantiser_of(builder, args[4]);
  return Value::of(tensor);
}

// A parameter is its data: (data, requires_grad, backward_hooks[, state])
Value first_argument(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 1);
  return args[0];
}

// (function, type, its arguments, state): a subclass of Tensor.
Value rebuild_from_type(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 3);
  const Global* const function = pickle::as<Global>(args[0]);
  if (function == nullptr || function->call == nullptr) {
    throw_unsafe(builder.cursor, describe(args[0]));
  }
  const auto items = items_of(args[2]);
  if (!items) builder.fail("arguments that are {}", describe(args[2]));
  return function->call(builder, *function, *items);
}

// Storages in a plain pickle, which has no other place for their bytes.
Value load_from_bytes(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 1);
  auto* const environment = dynamic_cast<TorchEnvironment*>(&builder.environment);
  if (environment == nullptr) builder.fail("a storage where only plain values belong");
  const PickledBytes bytes = pickled_bytes(args[0], environment->file());
  if (!bytes.found) builder.fail("a storage made of {}", describe(args[0]));
  return environment->load_nested(builder, bytes.bytes, bytes.owner);
}

template <const char* kWhat>
Value unsupported_tensor(Builder& builder, const Global&, Arguments) {
  auto* const tensor = builder.arena.make<TensorObject>();
  tensor->unsupported = kWhat;
  return Value::of(tensor);
}

constexpr char kSparse[] = "sparse";
constexpr char kNested[] = "nested";
constexpr char kMeta[] = "on the meta device: a shape without elements";
constexpr char kWrapper[] = "of a class that wraps other tensors";
constexpr char kForeign[] = "on a device that keeps its elements elsewhere";

constexpr std::array kGlobals{
    KnownGlobal{"torch._utils", "_rebuild_tensor", rebuild_tensor},
    KnownGlobal{"torch._utils", "_rebuild_tensor_v2", rebuild_tensor},
    KnownGlobal{"torch._utils", "_rebuild_tensor_v3", rebuild_tensor_v3},
    KnownGlobal{"torch._utils", "_rebuild_qtensor", rebuild_qtensor},
    KnownGlobal{"torch._utils", "_rebuild_parameter", first_argument},
    KnownGlobal{"torch._utils", "_rebuild_parameter_with_state", first_argument},
    KnownGlobal{"torch._tensor", "_rebuild_from_type", rebuild_from_type},
    KnownGlobal{"torch._tensor", "_rebuild_from_type_v2", rebuild_from_type},
    KnownGlobal{"torch.tensor", "_rebuild_from_type", rebuild_from_type},
    KnownGlobal{"torch._utils", "_rebuild_sparse_tensor", unsupported_tensor<kSparse>},
    KnownGlobal{"torch._utils", "_rebuild_sparse_csr_tensor", unsupported_tensor<kSparse>},
    KnownGlobal{"torch._utils", "_rebuild_nested_tensor", unsupported_tensor<kNested>},
    KnownGlobal{"torch._utils", "_rebuild_meta_tensor_no_storage", unsupported_tensor<kMeta>},
    KnownGlobal{"torch._utils", "_rebuild_wrapper_subclass", unsupported_tensor<kWrapper>},
    KnownGlobal{"torch._utils", "_rebuild_xla_tensor", unsupported_tensor<kForeign>},
    KnownGlobal{"torch._utils", "_rebuild_device_tensor_from_numpy", unsupported_tensor<kForeign>},
    KnownGlobal{"torch.storage", "_load_from_bytes", load_from_bytes},
    KnownGlobal{"torch", "Size", first_argument},
    KnownGlobal{"torch", "device", keep_call},
    KnownGlobal{"torch.serialization", "_get_layout", keep_call},
    KnownGlobal{"torch.nn.backends.thnn", "_get_thnn_function_backend", keep_call},
    // TorchScript's typed lists.
    KnownGlobal{"torch.jit._pickle", "build_intlist", first_argument},
    KnownGlobal{"torch.jit._pickle", "build_doublelist", first_argument},
    KnownGlobal{"torch.jit._pickle", "build_boollist", first_argument},
    KnownGlobal{"torch.jit._pickle", "build_tensorlist", first_argument},
    KnownGlobal{"torch.jit._pickle", "restore_type_tag", first_argument},
};

}  // namespace

std::span<const KnownGlobal> torch_globals() { return kGlobals; }

}  // namespace lamina::serialization
