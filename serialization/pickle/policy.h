// Which globals no weight file has a reason to name.
#pragma once

#include <string_view>

namespace lamina::serialization::pickle {

/// Whether the name alone is a reason to refuse the file: functions that run programs, evaluate
/// text, import, reach the network or the disk, or get at those. The reader would not call them in
/// any case; who opens such a file is better told at once. Globals that the reader knows are asked
/// for before this.
bool is_never_data(std::string_view module, std::string_view name);

}  // namespace lamina::serialization::pickle
