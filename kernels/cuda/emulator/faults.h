// Places in kernels where something can go wrong, and faults planted there: a barrier that is
// passed over, a bound that is not checked. A test plants one after the other, and each must be
// caught.
#pragma once

#include <compare>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace lamina::kernels::cuda::emulator {

using Where = std::source_location;

/// What a fault does there: barriers, waits, commits, arrivals and fences are passed over, bounds
/// are held to be kept.
enum class SiteKind : std::uint8_t { barrier, warp_barrier, commit, wait, bound, arrival, fence };

const char* to_string(SiteKind kind);

struct Site {
  std::string file;
  unsigned line = 0;
  SiteKind kind = SiteKind::barrier;

  auto operator<=>(const Site&) const = default;
};

/// Sites that kernels reach from here on are remembered, those before forgotten.
void watch_sites();
/// What was reached since, sorted; the watch ends.
std::vector<Site> sites_reached();

/// Every visit of this site goes wrong until heal().
void plant_fault(const Site& site);
void heal();

/// Kernels that take more steps (visits of sites, switches of threads) than this in one launch are
/// stopped with an error, since a fault may make them run for ever. 0: no limit.
void limit_steps(std::int64_t steps);

namespace detail {
extern bool sites_matter;  // watched or planted: only then is a visit more than a look at this
bool visit(SiteKind kind, const Where& where);
extern std::int64_t steps_limit;
}  // namespace detail

/// Whether a fault is planted here.
inline bool is_faulty(SiteKind kind, const Where& where) {
  return detail::sites_matter && detail::visit(kind, where);
}

}  // namespace lamina::kernels::cuda::emulator
