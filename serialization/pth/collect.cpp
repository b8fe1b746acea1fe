#include "serialization/pth/collect.h"

#include "core/log_internal.h"
#include "serialization/format_error.h"
#include "serialization/pth/find_weights.h"
#include "serialization/pth/known_globals.h"
#include "serialization/tensor_record.h"

#include <array>
#include <unordered_map>

namespace lamina::serialization {

using pickle::Dict;
using pickle::Kind;
using pickle::Object;
using pickle::ObjectKind;
using pickle::Record;
using pickle::Value;

namespace {

constexpr std::size_t kMaxDepth = 128;
constexpr std::int64_t kMaxVisited = 4'000'000;
constexpr std::size_t kMaxNameBytesInAll = std::size_t{8} << 20;
constexpr std::size_t kShownSkipped = 8;
constexpr std::string_view kRootName = "__root__";  // of a tensor that is the whole object

bool is_script_object(const Record& record) { return record.type->module.starts_with("__torch__"); }

// Parameters and variables of 2017 are objects whose state begins with their data.
bool is_parameter(const Record& record) {
  const std::string_view module = record.type->module, name = record.type->name;
  return (module.starts_with("torch.nn.parameter") && name == "Parameter") ||
         (module.starts_with("torch.autograd.variable") && name == "Variable");
}

const Dict* dict_at(const Dict& dict, std::string_view key) {
  const Value* const found = find(dict, key);
  return found == nullptr ? nullptr : pickle::as<Dict>(*found);
}

bool names_buffer(const Value* list, const Value& name) {
  const auto items = list == nullptr ? std::nullopt : items_of(*list);
  if (!items || !name.is(Kind::string)) return false;
  return std::ranges::any_of(*items, [&](const Value& item) {
    return item.is(Kind::string) && item.view() == name.view();
  });
}

}  // namespace

StateDict Collector::collect(const Value& root, const std::string& key) {
  everything_ = key == ".";
  const FoundWeights found = find_weights(root, key, file_);
  walk(found.value, 0);
  // Where there are no tensors, arrays are what the file is about.
  const bool arrays_count = tensors_.empty();
  for (const auto& [name, array] : arrays_) {
    if (arrays_count) {
      insert(name, maker_.make(*array, name));
    } else {
      note_skipped(name + " (a NumPy array)");
    }
  }
  const Dict* const dict = pickle::as<Dict>(found.value);
  if (tensors_.empty() && (dict == nullptr || !dict->items.empty())) {
    throw NoTensors(fmt::format("[pth] there is no tensor in it, only {}: {}",
                                describe(found.value), file_.string()),
                    key.empty() ? "" : "another --key may lead to some; \".\" takes all");
  }
  if (key.empty() && !found.key.empty()) {
    for (const auto& [name, value] : pickle::as<Dict>(root)->items) {
      const auto text = key_text(name);
      if (!text || *text == found.key) continue;
      note_skipped(pickle::as<Record>(value) != nullptr
                       ? fmt::format("{} ({})", *text, describe(value))
                       : *text);
    }
  }
  tell_skipped(key.empty() ? found.key : "");
  return std::move(tensors_);
}

void Collector::walk(const Value& value, std::size_t depth) {
  if (++visited_ > kMaxVisited) {
    throw_format(FormatErrc::limit, file_, "too large: more than {} values", kMaxVisited);
  }
  if (depth > kMaxDepth) {
    throw_format(FormatErrc::limit, file_, "too deep: more than {} levels", kMaxDepth);
  }
  if (value.is(Kind::tuple)) return walk_items(value.tuple(), depth);
  if (!value.is(Kind::object)) return;
  if (const auto* const tensor = pickle::as<TensorObject>(value)) return take(*tensor);
  if (const auto* const array = pickle::as<ArrayObject>(value)) {
    arrays_.emplace_back(name(), array);
    return;
  }
  // A container inside itself is legal in Python.
  if (!open_.insert(value.object).second) return;
  if (const Dict* const dict = pickle::as<Dict>(value)) {
    walk_members({dict->items.begin(), dict->items.size()}, depth);
  } else if (const Record* const record = pickle::as<Record>(value)) {
    walk_record(*record, depth);
  } else if (const auto items = items_of(value)) {
    walk_items(*items, depth);
  } else if (value.object->kind == ObjectKind::storage) {
    skip(value);
  }
  open_.erase(value.object);
}

void Collector::walk_named(std::string_view name, const Value& value, std::size_t depth) {
  const std::size_t before = path_.size();
  if (!path_.empty()) path_ += '.';
  path_ += name;
  walk(value, depth + 1);
  path_.resize(before);
}

void Collector::walk_members(std::span<const Dict::Item> members, std::size_t depth) {
  // As in Python the last value of a key counts, at the place of the first.
  std::unordered_map<std::string, const Value*> last;
  std::vector<std::string> order;
  for (const auto& [key, value] : members) {
    auto text = key_text(key);
    if (!text || !(value.is(Kind::object) || value.is(Kind::tuple))) continue;
    const auto [place, is_new] = last.insert_or_assign(*text, &value);
    if (is_new) order.push_back(std::move(*text));
  }
  for (const std::string& key : order) walk_named(key, *last[key], depth);
}

void Collector::walk_items(std::span<const Value> items, std::size_t depth) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].is(Kind::object) || items[i].is(Kind::tuple)) {
      walk_named(std::to_string(i), items[i], depth);
    }
  }
}

void Collector::walk_record(const Record& record, std::size_t depth) {
  const Dict* const attributes = attributes_of(record);
  if (is_parameter(record)) {
    const auto parts = items_of(record.state);
    if (parts && !parts->empty()) return walk((*parts)[0], depth + 1);
  }
  if (is_module(record)) return walk_module(*attributes, depth);
  if (is_script_object(record)) return walk_script_object(record, depth);
  if (record.members.empty() && record.items.empty())
    return skip(Value::of(const_cast<Record*>(&record)));
  walk_members({record.members.begin(), record.members.size()}, depth);
  walk_items({record.items.begin(), record.items.size()}, depth);
}

// Which attributes are parameters and buffers only the code says, which is not read. They are never
// inside a list: an LSTM's `_flat_weights` name its parameters once more.
void Collector::walk_script_object(const Record& record, std::size_t depth) {
  const Dict* const attributes = attributes_of(record);
  if (attributes == nullptr) return walk(record.state, depth + 1);  // packed: a tuple or a list
  std::vector<Dict::Item> kept;
  for (const Dict::Item& member : attributes->items) {
    const bool is_list = items_of(member.second).has_value();
    if (everything_ || !is_list) kept.push_back(member);
  }
  walk_members(kept, depth);
}

void Collector::walk_module(const Dict& state, std::size_t depth) {
  const Value* const not_kept = find(state, "_non_persistent_buffers_set");
  for (const char* const group : {"_parameters", "_buffers", "_modules"}) {
    const Dict* const members = dict_at(state, group);
    if (members == nullptr) continue;
    std::vector<Dict::Item> kept;
    for (const Dict::Item& member : members->items) {
      const bool is_buffer = std::string_view(group) == "_buffers";
      if (!is_buffer || !names_buffer(not_kept, member.first)) kept.push_back(member);
    }
    walk_members(kept, depth);
  }
}

std::string Collector::name() const { return path_.empty() ? std::string(kRootName) : path_; }

void Collector::take(const TensorObject& tensor) {
  const std::string own_name = name();
  insert(own_name, maker_.make(tensor, own_name));
}

void Collector::insert(std::string name, Tensor tensor) {
  check_name(name, file_);
  name_bytes_ += name.size();
  if (tensors_.size() >= kMaxTensors || name_bytes_ > kMaxNameBytesInAll) {
    throw_format(FormatErrc::limit, file_, "too many tensors, or names that are too long: {}",
                 tensors_.size());
  }
  if (tensors_.contains(name)) {
    throw_format(FormatErrc::duplicate_name, file_, "duplicate name: two tensors are called '{}'",
                 name);
  }
  tensors_.insert(std::move(name), std::move(tensor));
}

void Collector::skip(const Value& value) {
  note_skipped(fmt::format("{} ({})", name(), describe(value)));
}

void Collector::note_skipped(std::string what) {
  ++skipped_count_;
  if (skipped_.size() < kShownSkipped) skipped_.push_back(std::move(what));
}

void Collector::tell_skipped(std::string_view taken) const {
  if (skipped_count_ == 0) return;
  const std::string more = skipped_count_ > skipped_.size()
                               ? fmt::format(" and {} more", skipped_count_ - skipped_.size())
                               : std::string();
  const std::string from =
      taken.empty() ? "" : fmt::format("the weights are those at '{}'; ", taken);
  log(LogLevel::info, "{}: {}left out: {}{}", file_.string(), from, fmt::join(skipped_, ", "),
      more);
}

}  // namespace lamina::serialization
