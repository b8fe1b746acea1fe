#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/weights_name.h"
#include "tools/support/output.h"

#include <lamina/models/download.h>

namespace lamina::tools {

ExitStatus download(const ConvertOptions& options, const Context& context) {
  const auto& weights = published_weights_named(options.first);
  Progress progress("download", Progress::Unit::bytes, context.progress);
  const std::filesystem::path file =
      models::download_weights(std::string(weights.model), std::string(weights.name),
                               {.progress = progress.resuming_callback()});
  print(file.string() + "\n");
  return ExitStatus::ok;
}

}  // namespace lamina::tools
