// vgg16-infer: classifies images with VGG16 and its family. docs/vgg16-infer.md
#include "tools/support/output.h"
#include "tools/support/run_main.h"
#include "tools/vgg16_infer/classify.h"
#include "tools/vgg16_infer/model_source.h"
#include "tools/vgg16_infer/options.h"
#include "tools/vgg16_infer/summary.h"

#include <fmt/format.h>

namespace lamina::tools {
namespace {

ExitStatus run(InferOptions& options, const Context& context) {
  check_options(options);
  if (options.summary || options.print_model) {
    const Model model = model_without_weights(options);
    if (options.print_model) print(fmt::format("{}\n", nn::to_string(model.module())));
    if (options.summary) print(summary_text(model));
  }
  return options.inputs.empty() ? ExitStatus::ok : classify(options, context);
}

}  // namespace
}  // namespace lamina::tools

int main(int argc, char** argv) {
  using namespace lamina::tools;
  InferOptions options;
  return run_main(infer_command(options), argc, argv,
                  [&](Context& context) { return run(options, context); });
}
