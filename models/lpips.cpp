#include <lamina/models/lpips.h>

#include "core/parallel.h"
#include "core/require.h"
#include "models/lpips_heads.h"
#include "models/weight_names.h"
#include "nn/feature_distance.h"

#include <lamina/nn/sequential.h>
#include <lamina/nn/session.h>

#include <algorithm>
#include <numeric>

namespace lamina::models {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::array<int, LpipsDistance::kStages> kConvolutions{2, 2, 3, 3, 3};
// lpips' ScalingLayer: from [-1, 1] to what VGG16 was trained on.
constexpr std::array<float, kChannels> kShift{-0.030F, -0.088F, -0.188F};
constexpr std::array<float, kChannels> kScale{0.458F, 0.448F, 0.450F};
// Pixels of the pairs of a pass, unless it is one pair: so many that weights are read for several
// small pictures at once, so few that features, 488 bytes a pixel, stay in memory's near end.
constexpr std::int64_t kPassPixels = 2 * 224 * 224;

// VGG16's features up to its last ReLU, and the names of the ReLUs that end the stages.
class Trunk {
 public:
  explicit Trunk(const nn::Module& vgg16) : features_(vgg16.get_submodule("features")) {
    layers_.eval();  // while it is alone: the layers are somebody else's
    for (const int convolutions : kConvolutions) {
      if (!taps_.empty()) take("MaxPool2d");
      for (int i = 0; i < convolutions; ++i) {
        take("Conv2d");
        take("ReLU");
      }
      taps_.push_back(std::to_string(layers_.size() - 1));
    }
  }

  const nn::Sequential& layers() const noexcept { return layers_; }
  const std::vector<std::string>& taps() const noexcept { return taps_; }

 private:
  void take(std::string_view type) {
    const auto& children = features_.named_children();
    const std::size_t index = layers_.size();
    const std::string found =
        index < children.size() ? children[index].second->type_name() : "nothing";
    if (found != type) {
      throw InvalidArgument(
          fmt::format("[lpips] features.{} is {}, where VGG16 has {}", index, found, type),
          "LPIPS is defined on VGG16 without batch normalisation");
    }
    layers_.add(children[index].second);
  }

  const nn::Module& features_;
  nn::Sequential layers_;
  std::vector<std::string> taps_;
};

void check_pair(const Tensor& a, const Tensor& b) {
  LAMINA_REQUIRE(a.dtype() == DType::f32 && b.dtype() == DType::f32,
                 "[lpips] pictures are {} and {}, expected f32", to_string(a.dtype()),
                 to_string(b.dtype()));
  LAMINA_REQUIRE(a.shape() == b.shape(), "[lpips] pictures differ in shape: {} and {}", a.shape(),
                 b.shape());
  LAMINA_REQUIRE(a.rank() == 4 && a.size(1) == kChannels,
                 "[lpips] pictures are {}, expected [n, 3, h, w]", a.shape());
  LAMINA_REQUIRE(std::min(a.size(2), a.size(3)) >= Lpips::kSmallestSide,
                 "[lpips] pictures are {} pixels wide and {} high, each must be at least {}",
                 a.size(3), a.size(2), Lpips::kSmallestSide);
}

void scale_plane(const float* plane, std::int64_t count, std::int64_t channel, float* output) {
  const float shift = kShift[static_cast<std::size_t>(channel)];
  const float scale = kScale[static_cast<std::size_t>(channel)];
  for (std::int64_t i = 0; i < count; ++i) output[i] = (plane[i] - shift) / scale;
}

// Into `model`, if the file has the features of VGG16, neither more nor fewer.
bool load_features(Model& model, const std::string& path) {
  constexpr std::string_view kPrefix = "features.";
  StateDict tensors = load(path);
  if (auto bare = detail::without_data_parallel(tensors)) tensors = std::move(*bare);
  StateDict features;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(kPrefix)) features.insert(name.substr(kPrefix.size()), tensor);
  }
  try {
    model.module().get_submodule("features").load_state_dict(features);
    return true;
  } catch (const StateDictError&) {
    return false;
  }
}

}  // namespace

struct Lpips::Impl {
  Impl(const Trunk& trunk, const LpipsOptions& options)
      : max_batch(options.max_batch),
        taps(trunk.taps()),
        session(trunk.layers(), {.device = options.device,
                                 .precision = options.precision,
                                 .threads = options.threads,
                                 .max_batch = 2 * options.max_batch,
                                 .outputs = taps}) {}

  // Pairs [begin, end): a, b, a, b, …
  void fill_input(const Tensor& a, const Tensor& b, std::int64_t begin, std::int64_t end) {
    const std::int64_t plane = a.size(2) * a.size(3), image = kChannels * plane;
    const Shape shape = a.shape().with(0, 2 * (end - begin));
    if (!input.defined() || input.shape() != shape) input = Tensor::empty(shape);
    float* out = input.mutable_data<float>();
    const float* const pictures[] = {a.data<float>() + begin * image,
                                     b.data<float>() + begin * image};
    parallel_for(session.threads(), shape[0] * kChannels, 1, [&](std::int64_t i, std::int64_t) {
      const std::int64_t picture = i / kChannels, channel = i % kChannels;
      scale_plane(pictures[picture % 2] + picture / 2 * image + channel * plane, plane, channel,
                  out + i * plane);
    });
  }

  // Of pictures 2 * pair and 2 * pair + 1 in the session's last batch.
  double stage_distance(std::size_t stage, std::int64_t pair) {
    const Tensor features = session.output(taps[stage]);
    const Tensor& weight = detail::lpips_heads().at(fmt::format("lin{}.model.1.weight", stage));
    return feature_distance(features.select(0, 2 * pair), features.select(0, 2 * pair + 1), weight,
                            session.threads());
  }

  LpipsDistance pair_distance(std::int64_t pair) {
    LpipsDistance result;
    for (std::size_t stage = 0; stage < taps.size(); ++stage) {
      result.stages[stage] = stage_distance(stage, pair);
    }
    result.distance = std::accumulate(result.stages.begin(), result.stages.end(), 0.0);
    return result;
  }

  std::int64_t max_batch;
  std::vector<std::string> taps;
  Session session;
  nn::detail::FeatureDistance feature_distance;
  Tensor input;  // [2 * pairs, 3, h, w]
};

Lpips::Lpips(const nn::Module& vgg16, const LpipsOptions& options) {
  LAMINA_REQUIRE(options.max_batch >= 1, "[lpips] max_batch={}", options.max_batch);
  impl_ = std::make_unique<Impl>(Trunk(vgg16), options);
}

Lpips::~Lpips() = default;
Lpips::Lpips(Lpips&&) noexcept = default;
Lpips& Lpips::operator=(Lpips&&) noexcept = default;

std::vector<LpipsDistance> Lpips::distances(const Tensor& given_a, const Tensor& given_b) {
  check_pair(given_a, given_b);
  const Tensor a = given_a.contiguous(), b = given_b.contiguous();
  const std::int64_t n = a.size(0), pixels = a.size(2) * a.size(3);
  const std::int64_t pairs = std::clamp<std::int64_t>(kPassPixels / pixels, 1, impl_->max_batch);
  std::vector<LpipsDistance> result;
  for (std::int64_t begin = 0; begin < n; begin += pairs) {
    const std::int64_t end = std::min(begin + pairs, n);
    impl_->fill_input(a, b, begin, end);
    impl_->session.run(impl_->input);
    for (std::int64_t i = begin; i < end; ++i) result.push_back(impl_->pair_distance(i - begin));
  }
  return result;
}

LpipsDistance Lpips::distance(const vision::Image& a, const vision::Image& b) {
  return distances(lpips_input(a), lpips_input(b)).front();
}

Device Lpips::device() const { return impl_->session.device(); }
int Lpips::threads() const { return impl_->session.threads(); }

Tensor lpips_input(const vision::Image& image) {
  Tensor tensor = Tensor::empty({1, kChannels, image.height, image.width});
  const std::int64_t plane = image.width * image.height;
  float* out = tensor.mutable_data<float>();
  std::array<float, 256> value_of{};
  for (std::size_t i = 0; i < value_of.size(); ++i) {
    value_of[i] = static_cast<float>(static_cast<double>(i) / 127.5 - 1.0);
  }
  for (std::int64_t i = 0; i < plane; ++i) {
    for (std::int64_t channel = 0; channel < kChannels; ++channel) {
      const auto at = static_cast<std::size_t>(i * kChannels + channel);
      out[channel * plane + i] = value_of[image.pixels[at]];
    }
  }
  return tensor;
}

Model lpips_vgg16(const VggOptions& options) {
  try {
    return vgg16(options);
  } catch (const StateDictError&) {
    // Only files have names and shapes of their own.
    Model model = vgg16({.num_classes = 1, .init_weights = false});
    if (!load_features(model, options.weights)) throw;
    model.info().weights = options.weights;
    model.info().labels.clear();
    model.eval();
    return model;
  }
}

}  // namespace lamina::models
