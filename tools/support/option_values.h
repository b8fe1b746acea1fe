// Readers of option values: each gives a function for Option::set, which throws BadValue where the
// text is not what it should be. The parser adds the option's name.
#pragma once

#include "tools/support/command.h"

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace lamina::tools {

/// "is not a whole number from 1 to 8", which the parser completes with value and option.
class BadValue : public std::runtime_error {
 public:
  explicit BadValue(const std::string& complaint, std::string hint = {})
      : std::runtime_error(complaint), hint_(std::move(hint)) {}
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

Option::Set flag(bool& target);
Option::Set text(std::string& target);
Option::Set append(std::vector<std::string>& target);
/// Comma-separated, none empty.
Option::Set names(std::vector<std::string>& target);
Option::Set integer(std::int64_t& target, std::int64_t least, std::int64_t most);
Option::Set number(double& target, double least);
/// A count of bytes above 0: "500MB", "2GiB", "1.5GB", or a bare number.
Option::Set byte_size(std::int64_t& target);
/// Three numbers, "0.485,0.456,0.406", or one that stands for all three.
Option::Set rgb(std::optional<std::array<float, 3>>& target, bool positive);
/// One of the names; the hint is the nearest.
Option::Set choice(std::string& target, std::vector<std::string> choices);

/// --device and --precision, which every program that runs a model has; check_device() of about.h
/// says whether they are here.
Option device_option(std::string& target, std::string group);
Option precision_option(std::string& target, std::string group);
/// -o, --output: results to a file.
Option output_option(std::string& target, std::string group);
Option workers_option(std::int64_t& target, std::string group);
Option threads_option(std::int64_t& target, std::string group);

void append_options(Command& command, std::vector<Option> options);

}  // namespace lamina::tools
