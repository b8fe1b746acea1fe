#include <lamina/models/vgg.h>

#include <string_view>

namespace lamina::models {

namespace detail {
/// data/imagenet_labels.txt, one label a line; embedded when CMake configures.
extern const std::string_view imagenet_labels_text;
}  // namespace detail

const std::vector<std::string>& imagenet_labels() {
  static const std::vector<std::string> labels = [] {
    std::vector<std::string> lines;
    for (std::string_view text = detail::imagenet_labels_text; !text.empty();) {
      const std::size_t end = text.find('\n');
      lines.emplace_back(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
  }();
  return labels;
}

}  // namespace lamina::models
