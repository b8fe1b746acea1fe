// Pictures to a model's input: whole numbers until the last step, so exact.
#include "kernels/cuda/preprocess.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/cuda/device_axis.h"
#include "vision/resize_taps.h"

#include <algorithm>
#include <array>

namespace lamina::kernels::cuda {
namespace {

using vision::TapTable;

struct Picture {
  std::int64_t w, h;
  std::vector<std::uint8_t> pixels;  // [h, w, 3]
};

Picture picture(std::int64_t w, std::int64_t h) {
  Picture result{w, h, {}};
  for (const float value : whole_numbers(w * h * 3, 127, 1)) {
    result.pixels.push_back(static_cast<std::uint8_t>(value + 128));
  }
  return result;
}

std::uint8_t blend(const vision::Taps& taps, const std::uint8_t* values, std::int64_t step) {
  std::int32_t sum = 1 << (vision::kFractionBits - 1);
  for (std::int64_t k = 0; k < taps.count; ++k) {
    sum += values[(taps.first + k) * step] * taps.weights[k];
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> vision::kFractionBits, 0, 255));
}

Picture narrow(const Picture& p, const TapTable& columns) {
  Picture result{columns.size(), p.h, {}};
  for (std::int64_t y = 0; y < p.h; ++y) {
    for (std::int64_t x = 0; x < columns.size(); ++x) {
      for (int c = 0; c < 3; ++c) {
        result.pixels.push_back(blend(columns[x], p.pixels.data() + y * p.w * 3 + c, 3));
      }
    }
  }
  return result;
}

Picture lower(const Picture& p, const TapTable& rows) {
  Picture result{p.w, rows.size(), {}};
  for (std::int64_t y = 0; y < rows.size(); ++y) {
    for (std::int64_t x = 0; x < p.w * 3; ++x) {
      result.pixels.push_back(blend(rows[y], p.pixels.data() + x, p.w * 3));
    }
  }
  return result;
}

constexpr std::array<float, 3> kMean{0.485f, 0.456f, 0.406f}, kStd{0.229f, 0.224f, 0.225f};

// [3, h, w], then as the format has it.
std::vector<float> expected_of(const Picture& resized, const PreprocessProblem& p) {
  const bool nhwc = p.output.layout == Layout::nhwc;
  const std::int64_t stored = nhwc && p.output.c_stored > 0 ? p.output.c_stored : 3;
  std::vector<float> values(static_cast<std::size_t>(stored * p.w * p.h), 0.0f);
  for (std::int64_t i = 0; i < p.w * p.h; ++i) {
    const std::int64_t x = i % p.w - p.left, y = i / p.w - p.top;
    const bool inside = x >= 0 && x < resized.w && y >= 0 && y < resized.h;
    for (std::int64_t c = 0; c < 3; ++c) {
      const std::uint8_t byte =
          inside ? resized.pixels[static_cast<std::size_t>((y * resized.w + x) * 3 + c)] : 0;
      const auto channel = static_cast<std::size_t>(c);
      const float value = (static_cast<float>(byte) / 255.0f - kMean[channel]) / kStd[channel];
      values[static_cast<std::size_t>(nhwc ? i * stored + c : c * p.w * p.h + i)] = value;
    }
  }
  return rounded_to(p.output.element, values);
}

struct Sizes {
  std::int64_t w, h, resized_w, resized_h, crop;
};

std::string check(const Sizes& sizes, const Format& format) {
  const Picture original = picture(sizes.w, sizes.h);
  // Centred, as a crop is; a larger one leaves a frame.
  const auto kept = [&](std::int64_t length) { return std::min(length, sizes.crop); };
  const auto from = [&](std::int64_t length) {
    return std::max<std::int64_t>(length - sizes.crop, 0) / 2;
  };
  const TapTable columns(sizes.w, sizes.resized_w, from(sizes.resized_w), kept(sizes.resized_w));
  const TapTable rows(sizes.h, sizes.resized_h, from(sizes.resized_h), kept(sizes.resized_h));
  const DeviceAxis device_columns = upload_axis(columns, sizes.w);
  const DeviceAxis device_rows = upload_axis(rows, sizes.h);
  PreprocessProblem p{
      .columns = device_columns.axis,
      .rows = device_rows.axis,
      .rows_first = vision::goes_down_first({sizes.w, sizes.h}, {sizes.resized_w, sizes.resized_h}),
      .w = sizes.crop,
      .h = sizes.crop,
      .left = (sizes.crop - columns.size()) / 2,
      .top = (sizes.crop - rows.size()) / 2,
      .output = format};
  std::copy(kMean.begin(), kMean.end(), p.mean);
  std::copy(kStd.begin(), kStd.end(), p.std);

  const std::vector<float> expected =
      expected_of(p.rows_first ? narrow(lower(original, rows), columns)
                               : lower(narrow(original, columns), rows),
                  p);
  const DeviceMemory input =
      upload_bytes(original.pixels.data(), static_cast<std::int64_t>(original.pixels.size()));
  const DeviceMemory workspace(preprocess_workspace_bytes(p));
  const DeviceArray output =
      DeviceArray::untouched(format.element, static_cast<std::int64_t>(expected.size()));
  Stream stream;
  preprocess(stream, p, input.as<const std::uint8_t>(), output.data(), workspace.data());
  return difference(output, expected);
}

}  // namespace

std::vector<KernelCase> preprocess_cases() {
  const std::pair<const char*, Format> formats[] = {
      {"NCHW f32", {}},
      {"NHWC f32 of 4", {Element::f32, Layout::nhwc, 4}},
      {"NHWC bf16 of 8", {Element::bf16, Layout::nhwc, 8}},
      {"NHWC f16", {Element::f16, Layout::nhwc, 0}}};
  const std::pair<const char*, Sizes> pictures[] = {{"1x1", {1, 1, 16, 16, 12}},
                                                    {"wide", {50, 1, 80, 10, 10}},
                                                    {"tall, rows first", {11, 90, 10, 31, 9}},
                                                    {"smaller", {37, 29, 21, 16, 14}},
                                                    {"larger", {9, 13, 20, 29, 18}},
                                                    {"in a frame", {20, 15, 12, 9, 16}},
                                                    {"same size", {8, 8, 8, 8, 8}}};
  std::vector<KernelCase> cases;
  for (const auto& [format_name, format] : formats) {
    for (const auto& [name, sizes] : pictures) {
      cases.push_back({std::string("preprocess ") + name + " to " + format_name,
                       [=] { return check(sizes, format); }});
    }
  }
  return cases;
}

}  // namespace lamina::kernels::cuda
