// What kernels/cuda/runtime.h promises, on a real device. Without one these tests are skipped; they
// also build from kernels/ and core/ alone (tools/gpu_session).
#include "kernels/cuda/runtime.h"

#include "tests/support/skip.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

using namespace lamina::kernels;
using lamina::DeviceError;

#define NEEDS_DEVICE() \
  if (cuda::device_count() == 0) LAMINA_SKIP(cuda::no_device_reason())

namespace {

using Bytes = std::vector<unsigned char>;

Bytes numbered(std::int64_t size) {
  Bytes bytes(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  }
  return bytes;
}

Bytes downloaded(const cuda::DeviceMemory& memory, cuda::Stream& stream) {
  Bytes bytes(static_cast<std::size_t>(memory.size_bytes()));
  cuda::download(bytes.data(), memory.data(), memory.size_bytes(), stream);
  return bytes;
}

}  // namespace

TEST_CASE("cuda runtime: without a device there is a reason, and calls throw DeviceError",
          "[kernels][cuda][device][errors]") {
  if (cuda::device_count() > 0) {
    CHECK(cuda::no_device_reason().empty());
    return;
  }
  CHECK_FALSE(cuda::no_device_reason().empty());
  CHECK_THROWS_AS(cuda::device_properties(0), DeviceError);
  CHECK_THROWS_AS(cuda::memory_info(0), DeviceError);
  CHECK_THROWS_AS(cuda::ScopedDevice(0), DeviceError);
  CHECK_THROWS_AS(cuda::Stream(), DeviceError);
  CHECK_THROWS_AS(cuda::Event(), DeviceError);
  CHECK_THROWS_AS(cuda::DeviceMemory(1024), DeviceError);
  CHECK_THROWS_AS(cuda::PinnedMemory(1024), DeviceError);
}

TEST_CASE("cuda runtime: a device says what it is", "[kernels][cuda][device]") {
  NEEDS_DEVICE();
  const cuda::DeviceProperties device = cuda::device_properties(0);
  CHECK_FALSE(device.name.empty());
  CHECK(device.compute_major >= 8);
  CHECK(device.multiprocessors > 0);
  CHECK(device.shared_bytes_per_block >= 48 * 1024);
  const cuda::MemoryInfo memory = cuda::memory_info(0);
  CHECK(memory.free_bytes > 0);
  CHECK(memory.free_bytes <= memory.total_bytes);
  CHECK_THROWS_AS(cuda::device_properties(cuda::device_count()), DeviceError);
  CHECK_THROWS_AS(cuda::ScopedDevice(-1), DeviceError);
}

TEST_CASE("cuda runtime: what is uploaded comes back, at sizes around a staging buffer",
          "[kernels][cuda][device]") {
  NEEDS_DEVICE();
  constexpr std::int64_t kBuffer = std::int64_t{8} << 20;
  cuda::Stream stream;
  for (const std::int64_t size :
       {std::int64_t{1}, std::int64_t{255}, kBuffer - 1, kBuffer, kBuffer + 1, 3 * kBuffer + 17}) {
    const Bytes source = numbered(size);
    cuda::DeviceMemory memory(size);
    Bytes scratch = source;
    cuda::upload(memory.data(), scratch.data(), size, stream);
    std::memset(scratch.data(), 0, scratch.size());
    CAPTURE(size);
    CHECK(downloaded(memory, stream) == source);
  }
}

TEST_CASE("cuda runtime: uploads on two streams do not disturb each other",
          "[kernels][cuda][device]") {
  NEEDS_DEVICE();
  constexpr std::int64_t kSize = 5 << 20;
  cuda::Stream first, second;
  const Bytes source = numbered(2 * kSize);
  cuda::DeviceMemory a(kSize), b(kSize);
  for (std::int64_t at = 0; at < kSize; at += kSize / 5) {
    cuda::upload(a.as<char>() + at, source.data() + at, kSize / 5, first);
    cuda::upload(b.as<char>() + at, source.data() + kSize + at, kSize / 5, second);
  }
  CHECK(downloaded(a, first) == Bytes(source.begin(), source.begin() + kSize));
  CHECK(downloaded(b, second) == Bytes(source.begin() + kSize, source.end()));
}

TEST_CASE("cuda runtime: a stream keeps its order, and another waits for an event",
          "[kernels][cuda][device]") {
  NEEDS_DEVICE();
  constexpr std::int64_t kSize = 1 << 20;
  cuda::Stream first, second;
  cuda::DeviceMemory a(kSize), b(kSize);
  cuda::Event start, filled;
  start.record(first);
  cuda::fill_async(a.data(), 1, kSize, first);
  cuda::fill_async(a.data(), 2, kSize, first);
  filled.record(first);
  second.wait(filled);
  cuda::copy_async(b.data(), a.data(), kSize, second);
  CHECK(downloaded(b, second) == Bytes(kSize, 2));
  filled.synchronize();
  CHECK(filled.milliseconds_since(start) >= 0);
}

TEST_CASE("cuda runtime: a graph runs what was captured, as often as it is launched",
          "[kernels][cuda][device]") {
  NEEDS_DEVICE();
  constexpr std::int64_t kSize = 4096;
  cuda::Stream stream;
  cuda::DeviceMemory a(kSize), b(kSize);
  cuda::fill_async(b.data(), 9, kSize, stream);
  const cuda::Graph graph =
      cuda::Graph::capture(stream, [&] { cuda::copy_async(b.data(), a.data(), kSize, stream); });
  CHECK(downloaded(b, stream) == Bytes(kSize, 9));
  for (const std::uint8_t value : {std::uint8_t{3}, std::uint8_t{4}}) {
    cuda::fill_async(a.data(), value, kSize, stream);
    graph.launch(stream);
    CHECK(downloaded(b, stream) == Bytes(kSize, value));
  }
}

TEST_CASE("cuda runtime: what throws in a capture passes through, and the stream goes on",
          "[kernels][cuda][device][errors]") {
  NEEDS_DEVICE();
  cuda::Stream stream;
  cuda::DeviceMemory a(4096);
  CHECK_THROWS_AS(cuda::Graph::capture(stream,
                                       [&] {
                                         cuda::fill_async(a.data(), 1, 4096, stream);
                                         throw std::logic_error("stop");
                                       }),
                  std::logic_error);
  cuda::fill_async(a.data(), 5, 4096, stream);
  CHECK(downloaded(a, stream) == Bytes(4096, 5));
}

TEST_CASE("cuda runtime: more memory than there is is a DeviceError, and then less is there",
          "[kernels][cuda][device][errors]") {
  NEEDS_DEVICE();
  const std::int64_t more = cuda::memory_info(0).total_bytes + (std::int64_t{1} << 30);
  CHECK_THROWS_AS(cuda::DeviceMemory(more), DeviceError);
  CHECK_THROWS_WITH(cuda::DeviceMemory(more), Catch::Contains("out of memory: needed"));
  CHECK(cuda::DeviceMemory(1 << 20).data() != nullptr);
}
