#include "tools/vgg16_infer/profile.h"

#include "tools/support/text.h"

#include <fmt/format.h>

namespace lamina::tools {
namespace {

std::string gflops(std::int64_t macs, double ms) {
  if (macs == 0 || !(ms > 0)) return "";
  return fmt::format("{:.1f}", 2.0 * static_cast<double>(macs) / (ms * 1e6));
}

}  // namespace

void Profile::add(const std::vector<Session::Step>& steps, std::int64_t images) {
  images_ += images;
  if (steps_.size() != steps.size()) {
    steps_ = steps;
    return;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) steps_[i].time_ms += steps[i].time_ms;
}

std::string Profile::table() const {
  if (images_ == 0) return "no image was classified\n";
  const auto images = static_cast<double>(images_);
  double total_ms = 0;
  std::int64_t total_macs = 0;
  for (const Session::Step& step : steps_) {
    total_ms += step.time_ms / images;
    total_macs += step.macs;
  }
  Table table({"layer", "step", "plan", "output", ">MMACs", ">ms/image", ">GFLOP/s", ">share"});
  const auto row = [&](const std::string& name, const Session::Step& step, double ms,
                       std::int64_t macs, const std::string& shape) {
    const double share = total_ms > 0 ? 100 * ms / total_ms : 0;
    table.add({name, step.what, step.plan, shape,
               macs > 0 ? fmt::format("{:.1f}", static_cast<double>(macs) * 1e-6) : "",
               fmt::format("{:.3f}", ms), gflops(macs, ms), fmt::format("{:.1f}%", share)});
  };
  for (const Session::Step& step : steps_) {
    row(step.name, step, step.time_ms / images, step.macs, to_string(step.output));
  }
  row("all", {}, total_ms, total_macs, "");
  return table.text();
}

}  // namespace lamina::tools
