#include <lamina/models/checkpoint.h>

#include "core/require.h"

#include <lamina/serialization/container.h>

namespace lamina {

void save(const Checkpoint& checkpoint, const std::filesystem::path& path,
          const SaveOptions& options) {
  LAMINA_REQUIRE(!checkpoint.data.empty(), "[checkpoint] data is empty, expected JSON");
  serialization::Container container;
  container.tensors = checkpoint.state;
  container.checkpoint = checkpoint.data;
  serialization::write_container(path, container, options);
}

Checkpoint load_checkpoint(const std::filesystem::path& path, const LoadOptions& options) {
  serialization::Container container = serialization::read_container(path, options);
  if (container.checkpoint.empty()) {
    throw FormatError(FormatErrc::bad_field,
                      fmt::format("[checkpoint] holds no checkpoint data: {}", path.string()),
                      "read it with lamina::load() or lamina::load_model()");
  }
  return {.state = std::move(container.tensors), .data = std::move(container.checkpoint)};
}

}  // namespace lamina
