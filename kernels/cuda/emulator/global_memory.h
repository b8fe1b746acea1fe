// Device memory: what is allocated, and which bytes of it hold something.
#pragma once

#include <cstdint>
#include <string>

namespace lamina::kernels::cuda::emulator {

/// Aligned to 256 bytes, full of NaN, and known as not initialised. Null where there is no more.
void* allocate_global(std::int64_t size_bytes);
void free_global(void* data);
std::int64_t global_bytes_in_use();

/// "" or why these bytes may not be read: outside of every allocation, or never written.
std::string read_global(const void* address, std::int64_t size_bytes);
/// "" or why these bytes may not be written; they count as written from then on.
std::string write_global(const void* address, std::int64_t size_bytes);

/// Whether the address lies in device memory.
bool is_global(const void* address);

}  // namespace lamina::kernels::cuda::emulator
