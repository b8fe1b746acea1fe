#include "tests/kernels/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

namespace lamina::test {
namespace {

constexpr std::int64_t kGuard = 64;  // floats on either side
constexpr float kGuardValue = -12345.678f;

template <typename Wrong>
std::string first_where(const Floats& expected, const Floats& actual, Wrong&& wrong) {
  if (expected.size() != actual.size()) {
    return fmt::format("expected {} values, got {}", expected.size(), actual.size());
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (wrong(i, expected[i], actual[i])) {
      return fmt::format("at {} of {}: expected {}, got {}", i, expected.size(), expected[i],
                         actual[i]);
    }
  }
  return "";
}

}  // namespace

GuardedOutput::GuardedOutput(std::int64_t count, std::int64_t shift)
    : begin_(kGuard + shift),
      count_(count),
      floats_(static_cast<std::size_t>(count + shift + 2 * kGuard), kGuardValue) {
  std::fill_n(floats_.begin() + begin_, count, std::numeric_limits<float>::quiet_NaN());
}

Floats GuardedOutput::values() const {
  return Floats(floats_.begin() + begin_, floats_.begin() + begin_ + count_);
}

bool GuardedOutput::guards_intact() const {
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(floats_.size()); ++i) {
    const bool guard = i < begin_ || i >= begin_ + count_;
    if (guard && floats_[static_cast<std::size_t>(i)] != kGuardValue) return false;
  }
  return true;
}

Floats small_integers(std::int64_t count, std::uint32_t seed) {
  std::minstd_rand random(seed);
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 17) - 8);
  return values;
}

Floats reals(std::int64_t count, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::uniform_real_distribution<float> uniform(-1.5f, 1.5f);
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(random) + 0.5f * uniform(random);
  return values;
}

Floats absolute(Floats values) {
  for (float& value : values) value = std::fabs(value);
  return values;
}

std::vector<CpuFeatures> every_isa() {
  std::vector<CpuFeatures> result;
  const CpuFeatures all = detect_cpu_features();
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa <= all.isa) result.push_back(all.capped(isa));
  }
  return result;
}

ScopedIsa::ScopedIsa(Isa isa) {
  if (const char* old = std::getenv("LAMINA_ISA")) old_ = old;
  ::setenv("LAMINA_ISA", to_string(isa), 1);
}

ScopedIsa::~ScopedIsa() {
  old_.empty() ? ::unsetenv("LAMINA_ISA") : ::setenv("LAMINA_ISA", old_.c_str(), 1);
}

std::string difference(const Floats& expected, const Floats& actual) {
  return first_where(expected, actual, [](std::size_t, float e, float a) {
    return !(e == a || (std::isnan(e) && std::isnan(a)));
  });
}

std::string excess(const Floats& expected, const Floats& actual,
                   const std::function<double(std::size_t)>& bound) {
  return first_where(expected, actual, [&](std::size_t i, float e, float a) {
    return !(std::fabs(static_cast<double>(e) - a) <= bound(i));
  });
}

std::string bit_difference(const Floats& expected, const Floats& actual) {
  return first_where(expected, actual, [](std::size_t, float e, float a) {
    return std::bit_cast<std::uint32_t>(e) != std::bit_cast<std::uint32_t>(a);
  });
}

}  // namespace lamina::test
