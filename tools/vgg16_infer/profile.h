// --profile: where the time goes, layer by layer.
#pragma once

#include <lamina/nn/session.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::tools {

/// Sums the times of a session's steps over the runs of a job.
class Profile {
 public:
  /// The steps of one run of `images` images.
  void add(const std::vector<Session::Step>& steps, std::int64_t images);

  /// A line a step and one for all: milliseconds an image, GFLOP/s (two operations a MAC), share.
  std::string table() const;

 private:
  std::vector<Session::Step> steps_;  // time_ms is the sum
  std::int64_t images_ = 0;
};

}  // namespace lamina::tools
