#include "serialization/pth/known_globals.h"
#include "serialization/pth/torch_objects.h"

#include <array>

namespace lamina::serialization {
namespace {

using pickle::Builder;
using pickle::Global;
using pickle::Object;
using pickle::ObjectKind;
using pickle::Value;

// An empty array, which the state that follows fills.
Value start_array(Builder& builder, const Global&, Arguments) {
  return Value::of(builder.arena.make<ArrayObject>());
}

// numpy._core.numeric._frombuffer(data, dtype, shape, order): protocol 5.
Value array_from_buffer(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 4);
  const Value array = start_array(builder, global, args);
  const bool fortran_order = args[3].is(pickle::Kind::string) && args[3].view() == "F";
  const std::array state{Value::of(std::int64_t{1}), args[2], args[1], Value::of(fortran_order),
                         args[0]};
  builder.environment.set_state(builder, *array.object, builder.tuple(state));
  return array;
}

constexpr std::array kGlobals{
    KnownGlobal{"numpy", "dtype", keep_call},
    KnownGlobal{"numpy", "ndarray", keep_call},
    KnownGlobal{"numpy.core.multiarray", "_reconstruct", start_array},
    KnownGlobal{"numpy._core.multiarray", "_reconstruct", start_array},
    KnownGlobal{"numpy.core.multiarray", "scalar", keep_call},
    KnownGlobal{"numpy._core.multiarray", "scalar", keep_call},
    KnownGlobal{"numpy.core.numeric", "_frombuffer", array_from_buffer},
    KnownGlobal{"numpy._core.numeric", "_frombuffer", array_from_buffer},
    // A generator's state, as checkpoints keep it.
    KnownGlobal{"numpy.random._pickle", "__randomstate_ctor", keep_call},
    KnownGlobal{"numpy.random._pickle", "__bit_generator_ctor", keep_call},
    KnownGlobal{"numpy.random._pickle", "__generator_ctor", keep_call},
    KnownGlobal{"numpy.random", "__RandomState_ctor", keep_call},
};

}  // namespace

std::span<const KnownGlobal> numpy_globals() { return kGlobals; }

}  // namespace lamina::serialization
