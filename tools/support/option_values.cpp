#include "tools/support/option_values.h"

#include "core/nearest.h"
#include "tools/support/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

namespace lamina::tools {
namespace {

constexpr std::int64_t kMaxThreads = 1024;

// The whole text as a number: no blanks, no rest, nothing beyond the type's range.
template <typename T>
bool parse_whole(std::string_view text, T& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

Option::Set flag(bool& target) {
  return [&target](const std::string&) { target = true; };
}

Option::Set text(std::string& target) {
  return [&target](const std::string& value) {
    if (value.empty()) throw BadValue("is empty");
    target = value;
  };
}

Option::Set append(std::vector<std::string>& target) {
  return [&target](const std::string& value) { target.push_back(value); };
}

Option::Set names(std::vector<std::string>& target) {
  return [&target](const std::string& value) {
    target = split(value, ',');
    const bool empty = std::any_of(target.begin(), target.end(), [](auto& s) { return s.empty(); });
    if (target.empty() || empty) throw BadValue("is not a list of names, A,B,C");
  };
}

Option::Set integer(std::int64_t& target, std::int64_t least, std::int64_t most) {
  return [&target, least, most](const std::string& value) {
    std::int64_t parsed = 0;
    if (!parse_whole(value, parsed) || parsed < least || parsed > most) {
      throw BadValue(fmt::format("is not a whole number from {} to {}", least, most));
    }
    target = parsed;
  };
}

Option::Set number(double& target, double least) {
  return [&target, least](const std::string& value) {
    double parsed = 0;
    if (!parse_whole(value, parsed) || !std::isfinite(parsed) || parsed < least) {
      throw BadValue(fmt::format("is not a number of at least {}", least));
    }
    target = parsed;
  };
}

Option::Set byte_size(std::int64_t& target) {
  return [&target](const std::string& value) {
    static constexpr std::pair<std::string_view, double> kUnits[] = {
        {"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
        {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    const std::size_t digits = std::min(value.find_first_not_of("0123456789."), value.size());
    const std::string_view unit = std::string_view(value).substr(digits);
    const auto* const found = std::find_if(std::begin(kUnits), std::end(kUnits),
                                           [&](const auto& u) { return u.first == unit; });
    double number = 0;
    const bool good = found != std::end(kUnits) &&
                      parse_whole(std::string_view(value).substr(0, digits), number) &&
                      number * found->second >= 1 && number * found->second < 0x1p62;
    if (!good) throw BadValue("is not a size, such as 500MB, 2GB or 1GiB");
    target = static_cast<std::int64_t>(number * found->second);
  };
}

Option::Set rgb(std::optional<std::array<float, 3>>& target, bool positive) {
  return [&target, positive](const std::string& value) {
    std::vector<std::string> parts = split(value, ',');
    if (parts.size() == 1) parts.resize(3, parts.front());
    std::array<float, 3> parsed{};
    bool good = parts.size() == 3;
    for (std::size_t i = 0; good && i < 3; ++i) {
      good = parse_whole(parts[i], parsed[i]) && std::isfinite(parsed[i]) &&
             (!positive || parsed[i] > 0);
    }
    if (!good) {
      throw BadValue(fmt::format("is not three {}numbers, R,G,B", positive ? "positive " : ""));
    }
    target = parsed;
  };
}

Option::Set choice(std::string& target, std::vector<std::string> choices) {
  return [&target, choices = std::move(choices)](const std::string& value) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      const auto nearest = nearest_name(value, choices);
      throw BadValue(fmt::format("is not one of {}", fmt::join(choices, ", ")),
                     nearest ? fmt::format("did you mean '{}'?", *nearest) : "");
    }
    target = value;
  };
}

Option device_option(std::string& target, std::string group) {
  return {.names = "--device",
          .value = "D",
          .help = "auto (default), cpu, cuda, cuda:N",
          .group = std::move(group),
          .choices = {"auto", "cpu", "cuda"},
          .set = text(target)};
}

Option precision_option(std::string& target, std::string group) {
  return {.names = "--precision",
          .value = "P",
          .help = "fp32 (default); bf16; on the processor int8; on CUDA tf32, fp16, fp8",
          .group = std::move(group),
          .choices = {"fp32", "bf16", "int8", "tf32", "fp16", "fp8"},
          .set = text(target)};
}

Option output_option(std::string& target, std::string group) {
  return {.names = "-o,--output",
          .value = "FILE",
          .help = "write results to FILE, not stdout",
          .group = std::move(group),
          .completes = Completes::files,
          .set = text(target)};
}

Option workers_option(std::int64_t& target, std::string group) {
  return {.names = "-j,--workers",
          .value = "N",
          .help = "decoding threads (up to 4)",
          .group = std::move(group),
          .set = integer(target, 1, kMaxThreads)};
}

Option threads_option(std::int64_t& target, std::string group) {
  return {.names = "--threads",
          .value = "N",
          .help = "computing threads; 0 (default): all that the machine grants",
          .group = std::move(group),
          .set = integer(target, 0, kMaxThreads)};
}

void append_options(Command& command, std::vector<Option> options) {
  std::ranges::move(options, std::back_inserter(command.options));
}

}  // namespace lamina::tools
