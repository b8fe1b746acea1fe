#include "tools/vgg16_infer/report.h"

#include "tools/support/html.h"

#include <lamina/core/version.h>
#include <lamina/vision/encode.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <string_view>

namespace lamina::tools {
namespace {

constexpr std::int64_t kLongerSide = 640;  // of a picture in the page

std::string file_name(const std::string& path) {
  if (path == "-") return "standard input";
  const std::string name = std::filesystem::path(path).filename().string();
  return name.empty() ? path : name;
}

// A photograph as JPEG; squares of pixels, whose edges that would blur, as PNG.
std::string image_url(const vision::Image& image, bool enlarged) {
  return enlarged ? data_url("image/png", vision::encode_png(image))
                  : data_url("image/jpeg", vision::encode_jpeg(image));
}

std::string figure(const vision::Image& image, bool enlarged, const std::string& alt,
                   const std::string& caption) {
  return fmt::format(
      "<figure><img src=\"{}\" width=\"{}\" height=\"{}\" alt=\"{}\"{}>"
      "<figcaption>{}</figcaption></figure>\n",
      image_url(image, enlarged), image.width, image.height, html_text(alt),
      enlarged ? " class=\"squares\"" : "", caption);
}

std::string percent(float probability) { return fmt::format("{:.1f}", 100 * probability); }

std::string name_of(const NamedScore& score) {
  return score.label.empty() ? fmt::format("class {}", score.index) : score.label;
}

std::string table_of_classes(const Result& result) {
  std::string out =
      "<table><caption>Likeliest classes</caption>\n<thead><tr><th scope=\"col\">Class</th>"
      "<th scope=\"col\">Probability</th></tr></thead>\n<tbody>\n";
  for (const NamedScore& score : result.top) {
    out += fmt::format(
        "<tr><th scope=\"row\"><bdi>{}</bdi></th><td><span class=\"track\" aria-hidden=\"true\">"
        "<span class=\"bar\" style=\"width:{}%\"></span></span>"
        "<span class=\"number\">{}&nbsp;%</span></td></tr>\n",
        html_text(name_of(score)), percent(score.probability), percent(score.probability));
  }
  return out + "</tbody></table>\n";
}

std::string row(const char* name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd><bdi>{}</bdi></dd></div>\n", name, html_text(value));
}

std::string head(const RunInfo& run, const std::string& layer) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "img-src data:; style-src 'unsafe-inline'\">\n"
      "<title>Pictures seen by {}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
      html_text(run.model), kReportStyle);
  out += fmt::format(
      "<a class=\"skip\" href=\"#pictures\">Skip to the pictures</a>\n"
      "<header>\n<h1>Pictures seen by {}</h1>\n<dl>\n",
      html_text(run.model));
  out += row("Model", run.model);
  if (!run.weights.empty()) out += row("Weights", run.weights);
  out += row("Device", run.device);
  out += row("Precision", run.precision);
  out += row("Heat map of", layer);
  out += row("Made", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))));
  out += row("By", std::string("lamina ") + version());
  return out +
         "</dl>\n<p>A heat map shows which parts of a picture speak for a class: yellow most, "
         "dark blue not at all. Parts left pale and grey were cut off, and the model did not see "
         "them.</p>\n"
         "<p class=\"scale\"><span>nothing</span><span class=\"colours\" role=\"img\" "
         "aria-label=\"The colours, from dark blue over green to yellow\"></span>"
         "<span>most</span></p>\n</header>\n<main id=\"pictures\">\n";
}

}  // namespace

std::string place_of_largest(const Tensor& map) {
  const auto values = map.values<float>();
  const auto at = std::ranges::max_element(values) - values.begin();
  // 0, 1 or 2: the third of an axis that a position is in.
  const auto third = [](std::int64_t position, std::int64_t size) {
    return static_cast<std::size_t>((2 * position + 1) * 3 / (2 * size));
  };
  constexpr std::array<std::string_view, 9> kPlaces{
      "at the upper left", "at the top",    "at the upper right",
      "at the left",       "in the middle", "at the right",
      "at the lower left", "at the bottom", "at the lower right"};
  return std::string(
      kPlaces.at(3 * third(at / map.size(1), map.size(0)) + third(at % map.size(1), map.size(1))));
}

Report::Report(const std::string& path, const RunInfo& run, const std::string& layer)
    : output_(Output::to_file(path)) {
  output_->write(head(run, layer));
}

void Report::add(const Result& result, const ShownPicture& picture, const HeatMap& heat,
                 const std::string& label) {
  const std::string name = file_name(result.path);
  const ShownPicture shown = at_most(picture, kLongerSide);
  const std::string id = fmt::format("picture-{}", ++pictures_);
  std::string out = fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-name\">\n"
      "<h2 id=\"{0}-name\"><a href=\"#{0}\"><bdi>{1}</bdi></a></h2>\n",
      id, html_text(name));
  if (name != result.path && result.path != "-") {
    out += fmt::format("<p class=\"path\"><bdi>{}</bdi></p>\n", html_text(result.path));
  }
  out += "<div class=\"views\">\n";
  const std::string size = fmt::format("{} × {} pixels", result.width, result.height);
  out += figure(shown.image, shown.enlarged, fmt::format("The picture {}", name),
                fmt::format("The picture, {}", size));
  const std::string where = heat.empty ? "nothing in it speaks for that class"
                                       : "most speaks for it " + place_of_largest(heat.map);
  out += figure(with_heat(shown, heat.mask), shown.enlarged,
                fmt::format("Heat map of {} for {}: {}", name, label, where),
                fmt::format("What speaks for <bdi>{}</bdi>: {}", html_text(label),
                            heat.empty ? "nothing" : "most " + place_of_largest(heat.map)));
  out += table_of_classes(result);
  out += "</div>\n";
  out += fmt::format(
      "<p class=\"times\">Decoded in {:.1f}&nbsp;ms, prepared in {:.1f}&nbsp;ms, classified in "
      "{:.1f}&nbsp;ms.</p>\n</section>\n",
      result.decode_ms, result.preprocess_ms, result.infer_ms);
  output_->write(out);
}

void Report::add_failure(const std::string& path, const std::string& error) {
  failures_.emplace_back(path, error);
}

void Report::finish() {
  std::string out;
  if (!failures_.empty()) {
    out +=
        "<section aria-labelledby=\"failed\" class=\"failed\">\n<h2 id=\"failed\">Not "
        "classified</h2>\n<ul>\n";
    for (const auto& [path, error] : failures_) {
      out += fmt::format("<li><bdi><strong>{}</strong></bdi>: <bdi>{}</bdi></li>\n",
                         html_text(file_name(path)), html_text(error));
    }
    out += "</ul>\n</section>\n";
  }
  const auto count = [](std::int64_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  out += fmt::format(
      "</main>\n<footer>\n<p>{} classified, {} failed.</p>\n</footer>\n</body>\n"
      "</html>\n",
      count(pictures_, "picture"), count(std::ssize(failures_), "input"));
  output_->write(out);
  output_->finish();
}

}  // namespace lamina::tools
