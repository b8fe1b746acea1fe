#include "serialization/pth/tar.h"

#include "core/checked_math.h"
#include "core/mapped_file.h"
#include "serialization/pickle/unpickler.h"
#include "serialization/pth/known_globals.h"
#include "serialization/pth/legacy.h"
#include "serialization/pth/tar_archive.h"
#include "serialization/pth/torch_environment.h"

#include <map>
#include <string>
#include <utility>

namespace lamina::serialization {
namespace {

using pickle::Arena;
using pickle::Builder;
using pickle::ByteCursor;
using pickle::Kind;
using pickle::Object;
using pickle::ObjectKind;
using pickle::Unpickler;
using pickle::Value;
}  // namespace

TarReader::TarReader(std::shared_ptr<MappedFile> file, Arena& arena)
    : TorchEnvironment(std::move(file)),
      arena_(arena),
      members_(read_tar(this->file()->bytes(), this->file()->path())) {}

ByteCursor TarReader::open(const char* member) const {
  const auto found = members_.find(member);
  if (found == members_.end()) {
    throw_format(FormatErrc::bad_field, file()->path(), "missing: no '{}' in the tar", member);
  }
  return {found->second, member, file()->path()};
}

Value TarReader::read() {
  read_storages();
  read_tensors();
  ByteCursor cursor = open("pickle");
  const Value object = Unpickler(cursor, arena_, *this).load();
  refuse_rest(cursor, *this);
  return object;
}

Value TarReader::load(ByteCursor& cursor) { return Unpickler(cursor, arena_, *this).load(); }

std::int64_t TarReader::load_count(ByteCursor& cursor) {
  const Value count = load(cursor);
  if (!count.is(Kind::integer) || count.integer < 0 ||
      count.integer > static_cast<std::int64_t>(kMaxStorages)) {
    cursor.fail(FormatErrc::limit, "{} entries announced", describe(count));
  }
  return count.integer;
}

// The three fields that each entry begins with.
std::array<Value, 3> TarReader::load_entry(ByteCursor& cursor) {
  const Value entry = load(cursor);
  const auto parts = items_of(entry);
  if (!parts || parts->size() != 3) {
    cursor.fail(FormatErrc::bad_field, "bad entry: {}, expected three fields", describe(entry));
  }
  return {(*parts)[0], (*parts)[1], (*parts)[2]};
}

std::string TarReader::key_of(const ByteCursor& cursor, const Value& key) const {
  if (key.is(Kind::integer)) return std::to_string(key.integer);
  if (key.is(Kind::string)) return std::string(key.view());
  if (key.is(Kind::big_integer)) {  // an address above 2^63
    std::string text;
    for (const char byte : key.view())
      text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
  }
  cursor.fail(FormatErrc::bad_field, "bad key: {}", describe(key));
}

void TarReader::read_storages() {
  ByteCursor cursor = open("storages");
  const std::int64_t count = load_count(cursor);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto [key, location, type] = load_entry(cursor);
    const auto* const global = pickle::as<pickle::Global>(type);
    if (global == nullptr || global->tag == nullptr) {
      cursor.fail(FormatErrc::bad_field, "bad type: {}", describe(type));
    }
    auto* const object = arena_.make<StorageObject>();
    object->type = static_cast<const ElementType*>(global->tag);
    object->bytes = &storage(cursor, key_of(cursor, key));
    object->numel = cursor.read<std::int64_t>();
    const auto size = checked_mul(object->numel, object->type->size_bytes);
    if (object->numel < 0 || !size) {
      cursor.fail(FormatErrc::overflow, "overflow: {} elements", object->numel);
    }
    const std::string_view bytes = cursor.take(static_cast<std::uint64_t>(*size));
    object->bytes->bytes = std::as_bytes(std::span(bytes.data(), bytes.size()));
    object->bytes->owner = file();
    object->bytes->found = true;
    if (!listed_storages_.emplace(key_of(cursor, key), object).second) {
      cursor.fail(FormatErrc::duplicate_name, "duplicate storage '{}'", key_of(cursor, key));
    }
  }
  read_views(cursor);
}

// [(key, key of the root, offset, numel), …]: storages that are parts of others.
void TarReader::read_views(ByteCursor& cursor) {
  if (cursor.left() == 0) return;
  const Value list = load(cursor);
  const auto views = items_of(list);
  if (!views) cursor.fail(FormatErrc::bad_field, "bad views: {}", describe(list));
  for (const Value& entry : *views) {
    const auto parts = items_of(entry);
    const bool whole = parts && parts->size() == 4 && (*parts)[2].is(Kind::integer) &&
                       (*parts)[3].is(Kind::integer);
    const auto root =
        whole ? listed_storages_.find(key_of(cursor, (*parts)[1])) : listed_storages_.end();
    if (root == listed_storages_.end()) cursor.fail(FormatErrc::bad_field, "bad view of a storage");
    auto* const view = arena_.make<StorageObject>(*root->second);
    view->offset = (*parts)[2].integer;
    view->numel = (*parts)[3].integer;
    if (view->offset < 0 || view->numel < 0) {
      cursor.fail(FormatErrc::bad_field, "bad view: a negative size");
    }
    listed_storages_.emplace(key_of(cursor, (*parts)[0]), view);
  }
  refuse_rest(cursor, *this);
}

void TarReader::read_tensors() {
  ByteCursor cursor = open("tensors");
  const std::int64_t count = load_count(cursor);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto [key, storage_key, type] = load_entry(cursor);
    auto* const tensor = arena_.make<TensorObject>();
    const auto found = listed_storages_.find(key_of(cursor, storage_key));
    if (found == listed_storages_.end()) {
      cursor.fail(FormatErrc::bad_field, "a tensor on a storage that is not there");
    }
    tensor->storage = found->second;
    tensor->type = found->second->type;
    const auto rank = cursor.read<std::int32_t>();
    (void)cursor.read<std::int32_t>();  // padding
    if (rank < 0 || rank > Shape::kMaxRank) {
      cursor.fail(FormatErrc::limit, "too many dimensions: {}", rank);
    }
    const auto read_row = [&] {
      const auto row = arena_.make_array<std::int64_t>(static_cast<std::size_t>(rank));
      for (std::int64_t& value : row) value = cursor.read<std::int64_t>();
      return row;
    };
    tensor->shape = read_row();
    tensor->strides = read_row();
    tensor->offset = cursor.read<std::int64_t>();
    listed_tensors_.emplace(key_of(cursor, key), tensor);
  }
  refuse_rest(cursor, *this);
}

Value TarReader::persistent_load(Builder& builder, const Value& id) {
  // (class, source file, source text): only the class's name counts.
  if (const auto parts = items_of(id); parts && !parts->empty()) return (*parts)[0];
  const std::string key = key_of(builder.cursor, id);
  if (const auto tensor = listed_tensors_.find(key); tensor != listed_tensors_.end()) {
    return Value::of(tensor->second);
  }
  if (const auto storage = listed_storages_.find(key); storage != listed_storages_.end()) {
    return Value::of(storage->second);
  }
  builder.fail("a tensor '{}' that is not listed", key);
}

}  // namespace lamina::serialization
