#include <lamina/core/state_dict.h>

#include "core/nearest.h"
#include "core/require.h"

namespace lamina {

bool StateDict::contains(std::string_view name) const { return find(name) != nullptr; }

const Tensor* StateDict::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Tensor& StateDict::at(std::string_view name) const {
  if (const Tensor* tensor = find(name)) return *tensor;
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.first);
  const auto nearest = nearest_name(name, names);
  throw InvalidArgument(
      fmt::format("[state_dict] there is no tensor '{}' among {}", name, entries_.size()),
      nearest ? fmt::format("did you mean '{}'?", *nearest) : "");
}

void StateDict::insert(std::string name, Tensor tensor) {
  const auto [position, inserted] = index_.try_emplace(name, entries_.size());
  LAMINA_REQUIRE(inserted, "[state_dict] there is a tensor '{}' already", name);
  entries_.emplace_back(std::move(name), std::move(tensor));
}

void StateDict::set(std::string name, Tensor tensor) {
  if (const auto found = index_.find(name); found != index_.end()) {
    entries_[found->second].second = std::move(tensor);
  } else {
    insert(std::move(name), std::move(tensor));
  }
}

void StateDict::erase(std::string_view name) {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) return;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(found->second));
  index_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
}

std::int64_t StateDict::nbytes() const {
  std::int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.second.nbytes();
  return total;
}

}  // namespace lamina
