#include "kernels/cuda/failure_record.h"

#include "kernels/cuda/text.h"

namespace lamina::kernels::cuda {

std::string failure_text(std::string_view call, std::string_view error_name,
                         std::string_view error_text, std::string_view file, int line) {
  // From the project's root, wherever it was built.
  if (const auto at = file.rfind("kernels/cuda/"); at != file.npos) file.remove_prefix(at);
  return text("[cuda] ", call, ": ", error_name, " (", error_text, ") at ", file, ":", line);
}

std::string FailureRecord::add(const std::string& message, bool fatal) {
  const std::lock_guard lock(mutex_);
  if (!first_.empty()) {
    return text(message, "; CUDA is unusable in this process since ", first_);
  }
  if (fatal) first_ = message;
  return message;
}

std::string FailureRecord::first() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

}  // namespace lamina::kernels::cuda
