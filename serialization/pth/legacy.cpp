#include "serialization/pth/legacy.h"

#include "core/checked_math.h"
#include "serialization/pickle/unpickler.h"
#include "serialization/pth/find_weights.h"
#include "serialization/pth/known_globals.h"
#include "serialization/pth/torch_environment.h"

#include <string_view>

namespace lamina::serialization {
namespace {

using pickle::Arena;
using pickle::ByteCursor;
using pickle::Dict;
using pickle::Kind;
using pickle::Unpickler;
using pickle::Value;
using namespace std::literals;

constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;  // of ten bytes
constexpr std::int64_t kProtocolVersion = 1001;

// A pickle of plain values.
Value read_plain(ByteCursor& cursor, Arena& arena) {
  PlainEnvironment plain;
  return Unpickler(cursor, arena, plain).load();
}

void check_head(ByteCursor& cursor, Arena& arena) {
  const Value magic = read_plain(cursor, arena);
  if (!magic.is(Kind::big_integer) || magic.view() != kMagic) {
    cursor.fail(FormatErrc::bad_magic, "bad magic: not a file of torch.save");
  }
  const Value version = read_plain(cursor, arena);
  if (!version.is(Kind::integer) || version.integer != kProtocolVersion) {
    cursor.fail(FormatErrc::unsupported_version, "unsupported version: this reader knows {}",
                kProtocolVersion);
  }
  const Value system = read_plain(cursor, arena);
  const Dict* const dict = pickle::as<Dict>(system);
  const Value* const little = dict == nullptr ? nullptr : find(*dict, "little_endian");
  if (little == nullptr || !little->is(Kind::boolean)) {
    cursor.fail(FormatErrc::bad_field, "bad header: it does not say its byte order");
  }
  if (!little->boolean) {
    throw Unsupported(
        fmt::format("[pth] written on a big-endian machine: {}", cursor.file().string()),
        "load it and save it again there with a PyTorch since 1.6");
  }
}

void read_storage(ByteCursor& cursor, TorchEnvironment& environment, const Value& key,
                  const std::shared_ptr<void>& owner) {
  const std::string text = key_text(key).value_or("");
  StorageBytes* const storage = environment.find(environment.full_key(text));
  if (storage == nullptr || storage->found) {
    cursor.fail(FormatErrc::bad_field, "a storage '{}' that no tensor names, or twice", text);
  }
  const auto count = cursor.read<std::int64_t>();
  const auto size = checked_mul(count, storage->type->size_bytes);
  if (count < 0 || !size) {
    cursor.fail(FormatErrc::overflow, "overflow: storage '{}' of {} elements", text, count);
  }
  const std::string_view bytes = cursor.take(static_cast<std::uint64_t>(*size));
  storage->bytes = std::as_bytes(std::span(bytes.data(), bytes.size()));
  storage->owner = owner;
  storage->found = true;
}

}  // namespace

Value read_legacy(ByteCursor& cursor, Arena& arena, TorchEnvironment& environment,
                  const std::shared_ptr<void>& owner) {
  check_head(cursor, arena);
  const Value object = Unpickler(cursor, arena, environment).load();
  const Value keys = read_plain(cursor, arena);
  const auto list = items_of(keys);
  if (!list) cursor.fail(FormatErrc::bad_field, "bad keys: {}, expected a list", describe(keys));
  for (const Value& key : *list) read_storage(cursor, environment, key, owner);
  refuse_rest(cursor, environment);
  return object;
}

void refuse_unsafe(const ByteCursor& cursor, pickle::Environment& environment) {
  ByteCursor probe = cursor;
  constexpr std::int64_t kScratchBytes = 1 << 20;
  Arena scratch(kScratchBytes);
  try {
    (void)Unpickler(probe, scratch, environment).load();
  } catch (const FormatError& error) {
    if (error.code() == FormatErrc::unsafe) throw;
  }
}

void refuse_rest(const ByteCursor& cursor, pickle::Environment& environment) {
  if (cursor.left() == 0) return;
  refuse_unsafe(cursor, environment);
  cursor.fail(FormatErrc::hole, "hole: {} bytes behind the end", cursor.left());
}

}  // namespace lamina::serialization
