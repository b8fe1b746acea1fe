#include "models/download/stderr_progress.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace lamina::models::detail {

ByteProgress stderr_progress(std::string label) {
  return [label = std::move(label), shown = std::int64_t{-1}](std::int64_t done,
                                                              std::int64_t total) mutable {
    if (total <= 0) return;
    const auto percent =
        static_cast<std::int64_t>(static_cast<double>(done) / static_cast<double>(total) * 100);
    if (percent == std::exchange(shown, percent)) return;
    fmt::print(stderr, "\r{}: {:3d} % of {:.1f} MiB{}", label, percent,
               static_cast<double>(total) / (1 << 20), percent == 100 ? "\n" : "");
  };
}

}  // namespace lamina::models::detail
