#include "serialization/pth/tensor_maker.h"

#include "core/checked_math.h"
#include "core/storage.h"
#include "serialization/format_error.h"
#include "serialization/npy_array.h"
#include "serialization/pth/dequantize.h"
#include "serialization/pth/pickled_bytes.h"
#include "serialization/steps.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

namespace lamina::serialization {
namespace {

[[noreturn]] void throw_unsupported(std::string_view name, std::string_view what,
                                    const MappedFile& file, const char* hint) {
  throw Unsupported(fmt::format("tensor '{}' is {}: {}", name, what, file.path().string()), hint);
}

constexpr const char* kConvertFirst =
    "convert it in PyTorch first, or take another part of the file with --key";

// One past the last element that a view touches, counted from its first; nothing where that leaves
// 64 bits. Requires: no empty axis.
std::optional<std::int64_t> extent(const Shape& shape, std::span<const std::int64_t> strides) {
  std::optional<std::int64_t> last = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto step = checked_mul(shape[axis] - 1, strides[static_cast<std::size_t>(axis)]);
    if (!step) return std::nullopt;
    last = checked_add(*last, *step);
    if (!last) return std::nullopt;
  }
  return checked_add(*last, 1);
}

}  // namespace

TensorMaker::Place TensorMaker::checked_place(const TensorObject& tensor, DType dtype,
                                              std::string_view name) const {
  const auto& path = file_->path();
  if (tensor.shape.size() != tensor.strides.size()) {
    throw_format(FormatErrc::bad_field, path, "bad strides: {} for {} dimensions: tensor '{}'",
                 tensor.strides.size(), tensor.shape.size(), name);
  }
  const auto negative = [](std::int64_t value) { return value < 0; };
  if (tensor.offset < 0 || std::ranges::any_of(tensor.strides, negative)) {
    throw_format(FormatErrc::bad_field, path, "bad place: a negative offset or stride: tensor '{}'",
                 name);
  }
  Place place{dtype, checked_shape(tensor.shape, dtype, name, path), tensor.strides, 0};
  const auto offset = checked_add(tensor.storage->offset, tensor.offset);
  if (!offset) throw_format(FormatErrc::overflow, path, "overflow: offset: tensor '{}'", name);
  place.offset = *offset;
  if (place.shape.numel() == 0) return place;
  const auto end = extent(place.shape, place.strides);
  if (!end) throw_format(FormatErrc::overflow, path, "overflow: strides: tensor '{}'", name);
  // What its storage says it has, and what the file holds of that.
  const StorageObject& storage = *tensor.storage;
  const std::int64_t unit = size_of(dtype);
  const auto said = checked_mul(storage.numel, storage.type->size_bytes);
  const std::int64_t there = static_cast<std::int64_t>(storage.bytes->bytes.size()) / unit;
  const bool inside = said && tensor.offset <= *said / unit - *end && *offset <= there - *end;
  if (!inside) {
    throw_format(FormatErrc::out_of_bounds, path,
                 "out of bounds: elements up to {} of a storage of {}: tensor '{}'",
                 tensor.offset + *end, said ? std::min(*said / unit, there) : there, name);
  }
  return place;
}

void TensorMaker::resolve(StorageBytes& storage, std::string_view name) {
  if (!storage.found) find_(storage);
  if (!storage.found) {
    throw_format(FormatErrc::bad_field, file_->path(),
                 "missing data: there is no storage '{}': tensor '{}'", storage.key, name);
  }
}

Tensor TensorMaker::make(const TensorObject& tensor, std::string_view name) {
  if (tensor.unsupported != nullptr)
    throw_unsupported(name, tensor.unsupported, *file_, kConvertFirst);
  const ElementType& type = *tensor.type;
  const bool quantised = type.quantised || tensor.quantiser != nullptr;
  if (!type.dtype) {
    throw_unsupported(name, fmt::format("of the type {}, which Lamina has not", type.name), *file_,
                      kConvertFirst);
  }
  if (quantised && tensor.quantiser == nullptr) {
    throw_format(FormatErrc::bad_field, file_->path(), "bad type: {} without a scale: tensor '{}'",
                 type.name, name);
  }
  if (quantised && !options_.dequantize) {
    throw_unsupported(name, fmt::format("quantised ({})", type.name), *file_,
                      "lamina-convert convert --dequantize makes it float32");
  }
  // Who computes with the elements needs them aligned.
  const Tensor stored = make_stored(tensor, name, quantised || !options_.unaligned);
  report(stored.nbytes());
  return quantised ? dequantised(tensor, stored, name) : stored;
}

Tensor TensorMaker::make_stored(const TensorObject& tensor, std::string_view name, bool aligned) {
  StorageBytes& storage = *tensor.storage->bytes;
  resolve(storage, name);
  const Place place = checked_place(tensor, *tensor.type->dtype, name);
  if (place.shape.numel() == 0) return Tensor::empty(place.shape, place.dtype);
  const bool in_order = [&] {
    std::int64_t expected = 1;
    for (int axis = place.shape.rank() - 1; axis >= 0; --axis) {
      const bool steps = place.shape[axis] != 1;
      if (steps && place.strides[static_cast<std::size_t>(axis)] != expected) return false;
      expected *= place.shape[axis];
    }
    return true;
  }();
  if (in_order) {
    const Tensor& all = elements(storage, place.dtype, aligned);
    return all.as_strided(place.shape, place.strides, place.offset);
  }
  std::string description =
      fmt::format("{} {} {} {} {}", storage.key, to_string(place.dtype), to_string(place.shape),
                  fmt::join(place.strides, ","), place.offset);
  const auto found = made_.find(description);
  if (found != made_.end()) return found->second;
  const Tensor& all = elements(storage, place.dtype, /*aligned=*/true);
  Tensor copy = all.as_strided(place.shape, place.strides, place.offset).contiguous();
  return made_.emplace(std::move(description), std::move(copy)).first->second;
}

// All of a storage as a row of one type.
const Tensor& TensorMaker::elements(const StorageBytes& storage, DType dtype, bool aligned) {
  Tensor& row = elements_[{&storage, dtype}];
  const auto address = [&] { return reinterpret_cast<std::uintptr_t>(row.raw_data()); };
  const std::int64_t unit = size_of(dtype);
  if (row.defined() && (!aligned || address() % static_cast<std::uintptr_t>(unit) == 0)) return row;
  const auto bytes = aligned ? aligned_bytes(storage, unit) : storage.bytes;
  const auto copy = copies_.find(&storage);
  std::shared_ptr<void> owner = storage.owner;
  if (aligned && copy != copies_.end()) owner = copy->second.storage();
  const auto count = static_cast<std::int64_t>(bytes.size()) / unit;
  row = Tensor::wrap(bytes.data(), Shape{count}, dtype, std::move(owner));
  return row;
}

std::span<const std::byte> TensorMaker::aligned_bytes(const StorageBytes& storage,
                                                      std::int64_t unit) {
  const auto found = copies_.find(&storage);
  if (found != copies_.end()) return bytes_of(found->second);
  const auto address = reinterpret_cast<std::uintptr_t>(storage.bytes.data());
  if (address % static_cast<std::uintptr_t>(unit) == 0) return storage.bytes;
  Tensor copy = Tensor::empty({static_cast<std::int64_t>(storage.bytes.size())}, DType::u8);
  auto* target = static_cast<std::byte*>(copy.mutable_raw_data());
  in_steps(storage.bytes, [&](std::span<const std::byte> step) {
    std::memcpy(target, step.data(), step.size());
    target += step.size();
    // The copy grows while the file's pages go: never twice the file in memory.
    if (storage.owner == file_) file_->release(step);
  });
  return bytes_of(copies_.emplace(&storage, std::move(copy)).first->second);
}

Tensor TensorMaker::dequantised(const TensorObject& tensor, const Tensor& stored,
                                std::string_view name) {
  const Quantiser& quantiser = *tensor.quantiser;
  if (quantiser.scales == nullptr) {
    return dequantize(stored, quantiser.scale, quantiser.zero_point);
  }
  const auto plain = [&](const TensorObject& part) {
    if (part.unsupported != nullptr || !part.type->dtype || part.type->quantised) {
      throw_format(FormatErrc::bad_field, file_->path(), "bad scales: not plain: tensor '{}'",
                   name);
    }
    return make_stored(part, name, /*aligned=*/true);
  };
  const Tensor scales = plain(*quantiser.scales);
  const Tensor zero_points = plain(*quantiser.zero_points);
  const std::int64_t axis = quantiser.axis;
  const bool fits = axis >= 0 && axis < stored.rank() && !is_floating(zero_points.dtype()) &&
                    scales.numel() == stored.size(static_cast<int>(axis)) &&
                    zero_points.numel() == scales.numel();
  if (!fits) {
    throw_format(FormatErrc::bad_field, file_->path(),
                 "bad scales: {} for axis {} of {}: tensor '{}'", scales.numel(), axis,
                 to_string(stored.shape()), name);
  }
  return dequantize(stored, scales, zero_points, static_cast<int>(axis));
}

Tensor TensorMaker::make(const ArrayObject& array, std::string_view name) {
  const PickledBytes elements = pickled_bytes(array.data, file_);
  if (!elements.found) throw_unsupported(name, "an array of Python objects", *file_, kConvertFirst);
  const NpyDescription description{
      std::string(array.type), array.fortran_order, {array.shape.begin(), array.shape.end()}};
  Tensor made = make_npy_tensor(description, elements.bytes, elements.owner,
                                fmt::format("tensor '{}'", name), file_->path());
  report(made.nbytes());
  return made;
}

void TensorMaker::report(std::int64_t bytes) {
  const auto total = static_cast<std::int64_t>(file_->bytes().size());
  done_ = std::min(total, done_ + bytes);
  if (options_.progress) options_.progress(done_, total);
}

}  // namespace lamina::serialization
