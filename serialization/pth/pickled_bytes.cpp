#include "serialization/pth/pickled_bytes.h"

#include "core/storage.h"
#include "serialization/tensor_record.h"

#include <cstring>
#include <functional>

namespace lamina::serialization {
namespace {

using pickle::Kind;
using pickle::Record;
using pickle::Value;

PickledBytes in_memory(std::shared_ptr<Storage> storage, std::size_t size) {
  const auto* const data = static_cast<const std::byte*>(storage->data());
  return {true, {data, size}, std::move(storage)};
}

// Code points above 255 cannot stand for bytes; what comes of them is as good as any.
PickledBytes from_latin1(std::string_view utf8) {
  auto storage = Storage::allocate(static_cast<std::int64_t>(utf8.size()));
  auto* const target = static_cast<unsigned char*>(storage->data());
  std::size_t size = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const bool two = lead >= 0xC0 && i + 1 < utf8.size();
    const unsigned next = two ? static_cast<unsigned char>(utf8[++i]) : 0U;
    target[size++] = static_cast<unsigned char>(two ? ((lead & 3U) << 6) | (next & 0x3FU) : lead);
  }
  return in_memory(std::move(storage), size);
}

PickledBytes view_or_copy(std::string_view text, const std::shared_ptr<MappedFile>& file) {
  const std::span<const std::byte> all = file->bytes(), bytes = as_bytes(text);
  const std::less_equal<const std::byte*> before_or_at;
  const bool inside = before_or_at(all.data(), bytes.data()) &&
                      before_or_at(bytes.data() + bytes.size(), all.data() + all.size());
  if (inside) return {true, bytes, file};
  auto storage = Storage::allocate(static_cast<std::int64_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(storage->data(), bytes.data(), bytes.size());
  return in_memory(std::move(storage), bytes.size());
}

}  // namespace

PickledBytes pickled_bytes(const Value& value, const std::shared_ptr<MappedFile>& file) {
  if (value.is(Kind::bytes) || value.is(Kind::string)) return view_or_copy(value.view(), file);
  const Record* const call = pickle::as<Record>(value);
  if (call == nullptr) return {};
  if (call->args.empty() && call->type->name == "bytes") return view_or_copy({}, file);  // bytes()
  if (call->args.empty() || !call->args[0].is(Kind::string)) return {};
  const bool encodes = full_name(*call->type) == "_codecs.encode";
  return encodes ? from_latin1(call->args[0].view()) : PickledBytes();
}

}  // namespace lamina::serialization
