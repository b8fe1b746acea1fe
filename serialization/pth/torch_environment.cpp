#include "serialization/pth/torch_environment.h"

#include "serialization/pth/find_weights.h"
#include "serialization/pth/known_globals.h"
#include "serialization/pth/legacy.h"

#include <utility>

namespace lamina::serialization {

using pickle::Builder;
using pickle::Global;
using pickle::Kind;
using pickle::Object;
using pickle::ObjectKind;
using pickle::Value;

namespace {

// (version, shape, type, is_fortran, data), as ndarray.__setstate__ takes it.
void set_array_state(Builder& builder, ArrayObject& array, const Value& state) {
  const auto parts = items_of(state);
  if (!parts || parts->size() != 5) builder.fail("an array whose state is {}", describe(state));
  array.shape = integers_of(builder, (*parts)[1]);
  const Value& fortran = (*parts)[3];
  array.fortran_order = (fortran.is(Kind::boolean) && fortran.boolean) ||
                        (fortran.is(Kind::integer) && fortran.integer != 0);
  array.data = (*parts)[4];
  const auto* const type = pickle::as<pickle::Record>((*parts)[2]);
  if (type == nullptr || type->args.empty() || !type->args[0].is(Kind::string)) {
    builder.fail("an array whose type is {}", describe((*parts)[2]));
  }
  // numpy.dtype("f4") and then its state (3, "<", …): the byte order stands only there.
  const auto type_state = items_of(type->state);
  std::string text;
  if (type_state && type_state->size() > 1 && (*type_state)[1].is(Kind::string)) {
    text = (*type_state)[1].view();
  }
  text += type->args[0].view();
  array.type = builder.text(Kind::string, text).view();
}

}  // namespace

bool TorchEnvironment::know(Global& global) { return know_global(global); }

Value TorchEnvironment::persistent_load(Builder& builder, const Value& id) {
  const auto parts = items_of(id);
  if (!parts || parts->size() < 2 || !(*parts)[0].is(Kind::string)) {
    builder.fail("a persistent id that is {}", describe(id));
  }
  const std::string_view type = (*parts)[0].view();
  if (type == "module") return (*parts)[1];
  if (type != "storage") builder.fail("a persistent id of a kind that does not exist");
  return load_storage(builder, *parts);
}

Value TorchEnvironment::load_storage(Builder& builder, std::span<const Value> id) {
  if (id.size() < 5) builder.fail("a storage of {} fields, expected 5", id.size());
  const Global* const type = pickle::as<Global>(id[1]);
  if (type == nullptr || type->tag == nullptr) {
    builder.fail("a storage of the type {}", describe(id[1]));
  }
  const auto key = key_text(id[2]);
  if (!key) builder.fail("a storage whose key is {}", describe(id[2]));
  auto* const storage = builder.arena.make<StorageObject>();
  storage->type = static_cast<const ElementType*>(type->tag);
  storage->bytes = &this->storage(builder.cursor, full_key(*key));
  if (storage->bytes->type == nullptr) storage->bytes->type = storage->type;
  storage->numel = integer_of(builder, id[4]);
  if (id.size() > 5 && !id[5].is(Kind::none)) {
    const auto view = items_of(id[5]);  // (key, offset, numel)
    if (!view || view->size() != 3) builder.fail("a storage view that is {}", describe(id[5]));
    storage->offset = integer_of(builder, (*view)[1]);
    storage->numel = integer_of(builder, (*view)[2]);
  }
  if (storage->numel < 0 || storage->offset < 0) builder.fail("a storage of a negative size");
  return Value::of(storage);
}

void TorchEnvironment::set_state(Builder& builder, Object& object, const Value& state) {
  if (object.kind == ObjectKind::array) {
    set_array_state(builder, static_cast<ArrayObject&>(object), state);
  }
  // A tensor's attributes are no part of its elements.
}

StorageBytes& TorchEnvironment::storage(const pickle::ByteCursor& cursor, std::string key) {
  if (StorageBytes* const known = find(key)) return *known;
  if (storages_.size() >= kMaxStorages) {
    cursor.fail(FormatErrc::limit, "more than {} storages", kMaxStorages);
  }
  auto made = std::make_unique<StorageBytes>();
  made->key = key;
  return *storages_.emplace(std::move(key), std::move(made)).first->second;
}

Value TorchEnvironment::load_nested(Builder& builder, std::span<const std::byte> bytes,
                                    const std::shared_ptr<void>& owner) {
  // A pickled state dict has one for each storage, side by side; inside each other they make no
  // sense.
  if (!key_prefix_.empty()) builder.fail("a file inside a file inside a file");
  key_prefix_ = fmt::format("{}/", ++nested_count_);
  const std::string part = fmt::format("file {} inside {}", nested_count_, builder.cursor.part());
  pickle::ByteCursor cursor(bytes, part, builder.cursor.file());
  const Value object = read_legacy(cursor, builder.arena, *this, owner);
  key_prefix_.clear();
  return object;
}

StorageBytes* TorchEnvironment::find(const std::string& key) {
  const auto found = storages_.find(key);
  return found == storages_.end() ? nullptr : found->second.get();
}

Value PlainEnvironment::persistent_load(Builder& builder, const Value&) {
  builder.fail("a persistent id where only plain values belong");
}

void PlainEnvironment::set_state(Builder& builder, Object&, const Value&) {
  builder.fail("an object where only plain values belong");
}

}  // namespace lamina::serialization
