#include "tests/triton/fake_server.h"

#include <cstring>
#include <utility>

using lamina::test::FakeRequest;

struct TRITONSERVER_Error {
  TRITONSERVER_Error_Code code;
  std::string text;
};

namespace {

std::vector<std::uint64_t> reported_batches;
int alive = 0;

// Request, its input, response and output: the server's objects are all one of ours.
template <typename Handle>
FakeRequest& fake(Handle* handle) {
  return *reinterpret_cast<FakeRequest*>(handle);
}

}  // namespace

namespace lamina::test {
std::vector<std::uint64_t> take_reported_batches() { return std::exchange(reported_batches, {}); }
int errors_alive() { return alive; }
}  // namespace lamina::test

extern "C" {

TRITONSERVER_Error* TRITONSERVER_ErrorNew(TRITONSERVER_Error_Code code, const char* text) {
  ++alive;
  return new TRITONSERVER_Error{code, text};
}
void TRITONSERVER_ErrorDelete(TRITONSERVER_Error* error) {
  --alive;
  delete error;
}
TRITONSERVER_Error_Code TRITONSERVER_ErrorCode(TRITONSERVER_Error* error) { return error->code; }
const char* TRITONSERVER_ErrorMessage(TRITONSERVER_Error* error) { return error->text.c_str(); }
const char* TRITONSERVER_DataTypeString(TRITONSERVER_DataType type) {
  return type == TRITONSERVER_TYPE_FP64 ? "FP64" : "another";
}
TRITONSERVER_Error* TRITONSERVER_LogMessage(TRITONSERVER_LogLevel, const char*, int, const char*) {
  return nullptr;
}

TRITONSERVER_Error* TRITONBACKEND_RequestIsCancelled(TRITONBACKEND_Request* request, bool* is) {
  *is = fake(request).cancelled;
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_RequestInput(TRITONBACKEND_Request* request, const char* name,
                                               TRITONBACKEND_Input** input) {
  if (fake(request).input != name) {
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "no such input");
  }
  *input = reinterpret_cast<TRITONBACKEND_Input*>(request);
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_InputProperties(TRITONBACKEND_Input* input, const char** name,
                                                  TRITONSERVER_DataType* type,
                                                  const std::int64_t** shape, std::uint32_t* rank,
                                                  std::uint64_t* size, std::uint32_t* buffers) {
  FakeRequest& request = fake(input);
  if (name != nullptr) *name = request.input.c_str();
  *type = request.type;
  *shape = request.shape.data();
  *rank = static_cast<std::uint32_t>(request.shape.size());
  *size = 0;
  for (const auto part : request.parts) *size += part.size();
  *buffers = static_cast<std::uint32_t>(request.parts.size());
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_InputBuffer(TRITONBACKEND_Input* input, std::uint32_t index,
                                              const void** data, std::uint64_t* size,
                                              TRITONSERVER_MemoryType* memory, std::int64_t*) {
  FakeRequest& request = fake(input);
  *data = request.parts[index].data();
  *size = request.parts[index].size();
  *memory = request.memory;
  return nullptr;
}

TRITONSERVER_Error* TRITONBACKEND_ResponseNew(TRITONBACKEND_Response** response,
                                              TRITONBACKEND_Request* request) {
  *response = reinterpret_cast<TRITONBACKEND_Response*>(request);
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_ResponseOutput(TRITONBACKEND_Response* response,
                                                 TRITONBACKEND_Output** output, const char* name,
                                                 TRITONSERVER_DataType, const std::int64_t* shape,
                                                 std::uint32_t rank) {
  FakeRequest& request = fake(response);
  request.output = name;
  request.output_shape.assign(shape, shape + rank);
  *output = reinterpret_cast<TRITONBACKEND_Output*>(response);
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_OutputBuffer(TRITONBACKEND_Output* output, void** data,
                                               std::uint64_t size, TRITONSERVER_MemoryType* memory,
                                               std::int64_t*) {
  FakeRequest& request = fake(output);
  request.logits.assign(size / sizeof(float), -1.0F);
  *data = request.logits.data();
  *memory = request.output_memory;
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_ResponseSend(TRITONBACKEND_Response* response, std::uint32_t,
                                               TRITONSERVER_Error* error) {
  FakeRequest& request = fake(response);
  ++request.answers;
  request.answered_before_report = request.reported.empty();
  if (error != nullptr) {
    request.error = error->text;
    request.code = error->code;
  }
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_RequestRelease(TRITONBACKEND_Request* request, std::uint32_t) {
  fake(request).released_before_answer = fake(request).answers == 0;
  ++fake(request).releases;
  return nullptr;
}

TRITONSERVER_Error* TRITONBACKEND_ModelInstanceReportStatistics(
    TRITONBACKEND_ModelInstance*, TRITONBACKEND_Request* request, bool success, std::uint64_t start,
    std::uint64_t compute_start, std::uint64_t compute_end, std::uint64_t end) {
  fake(request).reported.push_back(success);
  fake(request).times = {start, compute_start, compute_end, end};
  return nullptr;
}
TRITONSERVER_Error* TRITONBACKEND_ModelInstanceReportBatchStatistics(TRITONBACKEND_ModelInstance*,
                                                                     std::uint64_t images,
                                                                     std::uint64_t, std::uint64_t,
                                                                     std::uint64_t, std::uint64_t) {
  reported_batches.push_back(images);
  return nullptr;
}

}  // extern "C"
