#include "triton/request.h"

#include "core/require.h"

#include <cstring>

namespace lamina::triton {
namespace {

bool in_host_memory(TRITONSERVER_MemoryType type) {
  return type == TRITONSERVER_MEMORY_CPU || type == TRITONSERVER_MEMORY_CPU_PINNED;
}

void require_host_memory(TRITONSERVER_MemoryType type, const char* what) {
  if (in_host_memory(type)) return;
  throw Unsupported(fmt::format("[triton] {} lies in the memory of a GPU", what),
                    "send it in the request, or in system shared memory");
}

}  // namespace

Request::Request(TRITONBACKEND_Request* request, const ServingConfig& config) noexcept
    : request_(request) {
  try {
    check(TRITONBACKEND_ResponseNew(&response_, request_));
    read(config);
  } catch (...) {
    fail();
  }
}

Request::~Request() {
  if (!answered_ && error_ == nullptr) {
    error_ = TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INTERNAL, "[triton] not served");
  }
  if (response_ != nullptr) {
    log_and_drop(
        TRITONBACKEND_ResponseSend(response_, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error_));
    if (error_ != nullptr) TRITONSERVER_ErrorDelete(error_);
  } else {
    log_and_drop(error_);
  }
  // In this order: a server with a response cache looks at the request of a response.
  log_and_drop(TRITONBACKEND_RequestRelease(request_, TRITONSERVER_REQUEST_RELEASE_ALL));
}

void Request::read(const ServingConfig& config) {
  bool cancelled = false;
  check(TRITONBACKEND_RequestIsCancelled(request_, &cancelled));
  if (cancelled) throw ServerError(TRITONSERVER_ERROR_CANCELLED, "[triton] the client went away");

  TRITONBACKEND_Input* input = nullptr;
  check(TRITONBACKEND_RequestInput(request_, kInputName, &input));
  TRITONSERVER_DataType type{};
  const std::int64_t* sizes = nullptr;
  std::uint32_t rank = 0, buffers = 0;
  std::uint64_t size_bytes = 0;
  check(TRITONBACKEND_InputProperties(input, nullptr, &type, &sizes, &rank, &size_bytes, &buffers));
  LAMINA_REQUIRE(type == TRITONSERVER_TYPE_FP32, "[triton] input '{}' is {}, the model takes FP32",
                 kInputName, TRITONSERVER_DataTypeString(type));
  read_shape({sizes, rank}, config);

  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < buffers; ++i) {
    const void* data = nullptr;
    std::uint64_t size = 0;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;  // what is wanted, then what it is
    std::int64_t memory_id = 0;
    check(TRITONBACKEND_InputBuffer(input, i, &data, &size, &memory, &memory_id));
    require_host_memory(memory, "input 'input'");
    if (size > 0) parts_.emplace_back(static_cast<const std::byte*>(data), size);
    found += size;
  }
  const auto expected = static_cast<std::uint64_t>(shape_.numel()) * sizeof(float);
  LAMINA_REQUIRE(found == expected, "[triton] input '{}' has {} bytes, its shape {} is of {}",
                 kInputName, found, shape_, expected);
}

void Request::read_shape(std::span<const std::int64_t> sizes, const ServingConfig& config) {
  std::vector<std::int64_t> shape(sizes.begin(), sizes.end());
  const std::string came = to_string(shape);
  if (config.max_batch == 0) shape.insert(shape.begin(), 1);
  bool fits = shape.size() == 4;
  for (std::size_t i = 0; fits && i < 3; ++i) {
    fits = config.image[i] < 0 || config.image[i] == shape[i + 1];
  }
  LAMINA_REQUIRE(fits, "[triton] input '{}' is {}, the model takes {}{}", kInputName, came,
                 config.max_batch == 0 ? "" : "a batch of ", to_string(config.image));
  shape_ = Shape(shape);
}

const float* Request::in_one_piece() const noexcept {
  if (parts_.size() != 1) return nullptr;
  const std::byte* data = parts_[0].data();
  return reinterpret_cast<std::uintptr_t>(data) % alignof(float) == 0
             ? reinterpret_cast<const float*>(data)
             : nullptr;
}

void Request::copy_to(float* out) const noexcept {
  auto* to = reinterpret_cast<std::byte*>(out);
  for (const std::span<const std::byte> part : parts_) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
}

void Request::answer(std::span<const float> logits, const ServingConfig& config) noexcept {
  try {
    std::vector<std::int64_t> shape{shape_[0], config.classes};
    if (config.max_batch == 0) shape.erase(shape.begin());
    TRITONBACKEND_Output* output = nullptr;
    check(TRITONBACKEND_ResponseOutput(response_, &output, kOutputName, TRITONSERVER_TYPE_FP32,
                                       shape.data(), static_cast<std::uint32_t>(shape.size())));
    void* to = nullptr;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    std::int64_t memory_id = 0;
    check(TRITONBACKEND_OutputBuffer(output, &to, logits.size_bytes(), &memory, &memory_id));
    require_host_memory(memory, "the place for output 'logits'");
    if (!logits.empty()) std::memcpy(to, logits.data(), logits.size_bytes());
    answered_ = true;
  } catch (...) {
    fail();
  }
}

void Request::fail() noexcept {
  if (error_ != nullptr) TRITONSERVER_ErrorDelete(error_);
  error_ = current_error();
}

void Request::report(TRITONBACKEND_ModelInstance* instance, std::uint64_t start,
                     std::uint64_t compute_start, std::uint64_t compute_end,
                     std::uint64_t end) const noexcept {
  log_and_drop(TRITONBACKEND_ModelInstanceReportStatistics(instance, request_, !failed(), start,
                                                           compute_start, compute_end, end));
}

}  // namespace lamina::triton
