#include "serialization/pth/known_globals.h"

#include <array>

namespace lamina::serialization {
namespace {

using pickle::Builder;
using pickle::Dict;
using pickle::Global;
using pickle::Kind;
using pickle::List;
using pickle::ObjectKind;
using pickle::Value;

// The pairs of a dict, or of a list of pairs as Python 2 pickled ordered dicts.
void fill(Builder& builder, Dict& dict, const Value& source) {
  if (const Dict* const other = pickle::as<Dict>(source)) {
    for (const auto& item : other->items) dict.items.push_back(builder.arena, item);
    return;
  }
  const auto pairs = items_of(source);
  if (!pairs) builder.fail("a dict made of {}", describe(source));
  for (const Value& pair : *pairs) {
    const auto parts = items_of(pair);
    if (!parts || parts->size() != 2) builder.fail("a dict made of {}", describe(pair));
    dict.items.push_back(builder.arena, {(*parts)[0], (*parts)[1]});
  }
}

Value make_dict(Builder& builder, const Global&, Arguments args) {
  Dict* const dict = builder.dict();
  if (!args.empty()) fill(builder, *dict, args[0]);
  return Value::of(dict);
}

// The factory, which makes values for keys that are missed, is never asked.
Value make_default_dict(Builder& builder, const Global& global, Arguments args) {
  return make_dict(builder, global, args.empty() ? args : args.subspan(1));
}

Value make_list(Builder& builder, Arguments args, ObjectKind kind) {
  List* const list = builder.list(kind);
  if (args.empty()) return Value::of(list);
  const auto items = items_of(args[0]);
  if (!items) builder.fail("a list made of {}", describe(args[0]));
  for (const Value& item : *items) list->items.push_back(builder.arena, item);
  return Value::of(list);
}

Value make_plain_list(Builder& builder, const Global&, Arguments args) {
  return make_list(builder, args, ObjectKind::list);
}

Value make_set(Builder& builder, const Global&, Arguments args) {
  return make_list(builder, args, ObjectKind::set);
}

Value make_tuple(Builder& builder, const Global&, Arguments args) {
  if (args.empty()) return builder.tuple({});
  const auto items = items_of(args[0]);
  if (!items) builder.fail("a tuple made of {}", describe(args[0]));
  return builder.tuple(*items);
}

Value make_instance(Builder& builder, const Value& type, Arguments known_args,
                    Arguments record_args) {
  const Global* const global = pickle::as<Global>(type);
  if (global == nullptr) builder.fail("an object of the class {}", describe(type));
  if (global->call != nullptr) return global->call(builder, *global, known_args);
  return keep_call(builder, *global, record_args);
}

// An instance of a class, as protocols 0 and 1 write it: (class, base, value of the base).
Value reconstruct(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 1);
  return make_instance(builder, args[0], {}, args.subspan(1));
}

// The same as protocol 2 would write it: (class, arguments of __new__).
Value new_object(Builder& builder, const Global& global, Arguments args) {
  require_arguments(builder, global, args, 1);
  return make_instance(builder, args[0], args.subspan(1), args.subspan(1));
}

constexpr std::array kGlobals{
    KnownGlobal{"collections", "OrderedDict", make_dict},
    KnownGlobal{"collections", "defaultdict", make_default_dict},
    KnownGlobal{"collections", "Counter", make_dict},
    KnownGlobal{"collections", "deque", make_plain_list},
    KnownGlobal{"copyreg", "_reconstructor", reconstruct},
    KnownGlobal{"copy_reg", "_reconstructor", reconstruct},
    KnownGlobal{"copyreg", "__newobj__", new_object},
    KnownGlobal{"copy_reg", "__newobj__", new_object},
    KnownGlobal{"_codecs", "encode", keep_call},
    KnownGlobal{"argparse", "Namespace", keep_call},
    KnownGlobal{"types", "SimpleNamespace", keep_call},
    KnownGlobal{"datetime", "date", keep_call},
    KnownGlobal{"datetime", "datetime", keep_call},
    KnownGlobal{"datetime", "time", keep_call},
    KnownGlobal{"datetime", "timedelta", keep_call},
    KnownGlobal{"datetime", "timezone", keep_call},
    KnownGlobal{"decimal", "Decimal", keep_call},
    KnownGlobal{"fractions", "Fraction", keep_call},
    KnownGlobal{"uuid", "UUID", keep_call},
    KnownGlobal{"pathlib", "Path", keep_call},
    KnownGlobal{"pathlib", "PosixPath", keep_call},
    KnownGlobal{"pathlib", "WindowsPath", keep_call},
    KnownGlobal{"pathlib", "PurePosixPath", keep_call},
    KnownGlobal{"pathlib", "PureWindowsPath", keep_call},
    KnownGlobal{"pathlib._local", "PosixPath", keep_call},
    KnownGlobal{"pathlib._local", "WindowsPath", keep_call},
};

struct Builtin {
  std::string_view name;
  pickle::Call call;
};
constexpr std::array kBuiltins{
    Builtin{"set", make_set},     Builtin{"frozenset", make_set},  Builtin{"list", make_plain_list},
    Builtin{"tuple", make_tuple}, Builtin{"dict", make_dict},      Builtin{"object", keep_call},
    Builtin{"int", keep_call},    Builtin{"long", keep_call},      Builtin{"float", keep_call},
    Builtin{"bool", keep_call},   Builtin{"str", keep_call},       Builtin{"unicode", keep_call},
    Builtin{"bytes", keep_call},  Builtin{"bytearray", keep_call}, Builtin{"complex", keep_call},
    Builtin{"slice", keep_call},  Builtin{"range", keep_call},     Builtin{"xrange", keep_call},
};

}  // namespace

std::span<const KnownGlobal> python_globals() {
  static const auto globals = [] {
    std::vector<KnownGlobal> made(kGlobals.begin(), kGlobals.end());
    for (const Builtin& builtin : kBuiltins) {
      made.push_back({"builtins", builtin.name, builtin.call});
      made.push_back({"__builtin__", builtin.name, builtin.call});  // Python 2
    }
    return made;
  }();
  return globals;
}

}  // namespace lamina::serialization
