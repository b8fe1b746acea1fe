#include "tools/lamina_bench/subject.h"

#include "tools/support/failure.h"
#include "tools/vgg16_infer/model_source.h"

#include <lamina/nn/session.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

namespace lamina::tools {
namespace {

// Images that differ: enough to see one taken for another, few enough to check quickly.
constexpr std::int64_t kDifferentImages = 2;
// No precision comes near it. With random weights fp8 is off by 0.1, the others by 0.02 at most.
double too_wrong(const std::string& precision) { return precision == "fp8" ? 0.25 : 0.1; }
constexpr const char* kPlanVariable = "LAMINA_CONV2D_PLAN";

bool is_file(const std::string& model) {
  std::error_code error;
  return model.find('/') != std::string::npos || model.ends_with(".lamina") ||
         std::filesystem::exists(model, error);
}

InferOptions infer_options(const BenchOptions& options) {
  InferOptions infer;
  infer.model = options.model;
  infer.weights = options.weights;
  if (infer.weights.empty() && !is_file(options.model)) infer.weights = "random:0";
  return infer;
}

// That random weights classify nothing is no news here.
Context silent(Context context) {
  context.console.quiet = true;
  return context;
}

// Convolutions run the reference while this lives.
class ReferencePlans {
 public:
  ReferencePlans() {
    if (const char* const before = std::getenv(kPlanVariable)) before_ = before;
    setenv(kPlanVariable, "reference", 1);
  }
  ~ReferencePlans() {
    before_.empty() ? unsetenv(kPlanVariable) : setenv(kPlanVariable, before_.c_str(), 1);
  }
  ReferencePlans(const ReferencePlans&) = delete;
  ReferencePlans& operator=(const ReferencePlans&) = delete;

 private:
  std::string before_;
};

}  // namespace

Model load_again(const BenchOptions& options, const Context& context) {
  const InferOptions infer = infer_options(options);
  if (infer.weights.starts_with("random")) {
    throw UsageError("nothing to load: --mode load", "give -w FILE, or -m FILE.lamina");
  }
  return load_model_for(infer, silent(context));
}

Subject::Subject(const BenchOptions& options, const Context& context)
    : context_(context), too_wrong_(too_wrong(options.precision)), model_([&] {
        const auto begin = std::chrono::steady_clock::now();
        Model model = load_model_for(infer_options(options), silent(context));
        load_ms_ =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
                .count();
        return model;
      }()) {
  const auto& transforms = model_.info().transforms;
  size_ = options.size > 0 ? options.size : transforms.crop > 0 ? transforms.crop : 224;
}

std::string Subject::name() const {
  return model_.info().name.empty() ? "model" : model_.info().name;
}

InputRanges Subject::input_ranges(const std::string& precision) const {
  if (precision != "fp8" || !model_.info().input_ranges.empty()) return model_.info().input_ranges;
  Session session(model_, {.device = "cpu", .record_input_ranges = true});
  session.run(batch(kDifferentImages));
  return session.input_ranges();
}

Tensor Subject::batch(std::int64_t n) const {
  Tensor batch = Tensor::empty({n, channels(), size_, size_});
  float* values = batch.mutable_data<float>();
  const std::int64_t per_image = batch.numel() / n;
  for (std::int64_t i = 0; i < n; ++i) {
    if (i >= kDifferentImages) {
      std::copy_n(values + i % kDifferentImages * per_image, per_image, values + i * per_image);
      continue;
    }
    std::mt19937 random(static_cast<unsigned>(i));
    for (std::int64_t j = 0; j < per_image; ++j) {
      // Between -2 and 2, as a normalised picture.
      values[i * per_image + j] = static_cast<float>(random() >> 8) / (1 << 22) - 2.0F;
    }
  }
  return batch;
}

const Tensor& Subject::expected(std::int64_t image) {
  expected_.resize(kDifferentImages);
  Tensor& logits = expected_[static_cast<std::size_t>(image)];
  if (!logits.defined()) {
    context_.console.detail("computing the answer that image {} is checked against, in float64",
                            image);
    const ReferencePlans plans;
    logits = model_.module()(batch(kDifferentImages).slice(0, image, image + 1));
  }
  return logits;
}

double Subject::check(const Tensor& logits) {
  double largest_error = 0, largest = 0;
  for (std::int64_t i = 0; i < logits.size(0); ++i) {
    const Tensor actual = logits.select(0, i).contiguous();
    const Tensor right = expected(i % kDifferentImages).select(0, 0).contiguous();
    for (std::int64_t j = 0; j < actual.numel(); ++j) {
      const double value = double{actual.data<float>()[j]}, wanted = double{right.data<float>()[j]};
      if (!std::isfinite(value)) {
        throw Failure(ExitStatus::differs, fmt::format("image {}, logit {} is {}: the answer is "
                                                       "wrong, so no time is given",
                                                       i, j, value));
      }
      largest_error = std::max(largest_error, std::abs(value - wanted));
      largest = std::max(largest, std::abs(wanted));
    }
  }
  const double error = largest_error / largest;
  if (error > too_wrong_) {
    throw Failure(
        ExitStatus::differs,
        fmt::format("the logits are off by {:.1e} of the largest: the answer is wrong, so "
                    "no time is given",
                    error));
  }
  return error;
}

}  // namespace lamina::tools
