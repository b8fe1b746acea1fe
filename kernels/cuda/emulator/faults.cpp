#include "kernels/cuda/emulator/faults.h"

#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace lamina::kernels::cuda::emulator {
namespace {

// A place is told apart by where its file's name lies, which is quick, and compared by the name
// only where a place is new.
using Place = std::pair<const char*, unsigned>;

struct State {
  bool watching = false;
  std::map<Place, SiteKind> reached;
  std::optional<Site> planted;
};

State& state() {
  static State all;
  return all;
}

void refresh() {
  const State& all = state();
  detail::sites_matter = all.watching || all.planted.has_value();
}

}  // namespace

bool detail::sites_matter = false;
std::int64_t detail::steps_limit = 0;

bool detail::visit(SiteKind kind, const Where& where) {
  State& all = state();
  if (all.watching) all.reached.emplace(Place{where.file_name(), where.line()}, kind);
  return all.planted && all.planted->line == where.line() && all.planted->kind == kind &&
         std::strcmp(all.planted->file.c_str(), where.file_name()) == 0;
}

const char* to_string(SiteKind kind) {
  switch (kind) {
    case SiteKind::barrier: return "barrier";
    case SiteKind::warp_barrier: return "warp's barrier";
    case SiteKind::commit: return "commit";
    case SiteKind::wait: return "wait";
    case SiteKind::bound: return "bound";
    case SiteKind::arrival: return "arrival";
    case SiteKind::fence: return "fence";
  }
  return "";
}

void watch_sites() {
  state().reached.clear();
  state().watching = true;
  refresh();
}

std::vector<Site> sites_reached() {
  state().watching = false;
  refresh();
  std::set<Site> sorted;
  for (const auto& [place, kind] : state().reached) {
    sorted.insert({.file = place.first, .line = place.second, .kind = kind});
  }
  return {sorted.begin(), sorted.end()};
}

void plant_fault(const Site& site) {
  state().planted = site;
  refresh();
}

void heal() {
  state().planted.reset();
  refresh();
}

void limit_steps(std::int64_t steps) { detail::steps_limit = steps; }

}  // namespace lamina::kernels::cuda::emulator
