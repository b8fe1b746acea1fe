#include "kernels/cuda/staging_ring.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

using lamina::DeviceError;
using lamina::kernels::cuda::CopyEngine;
using lamina::kernels::cuda::StagingRing;

namespace {

// Copies as late as it may: when its buffer is waited for, and not a moment before. A ring that
// writes into a buffer too early is seen in what arrives.
class LazyEngine : public CopyEngine {
 public:
  ~LazyEngine() override { CHECK(pinned_.empty()); }

  void* allocate_pinned(std::int64_t size_bytes) override {
    if (allocations_left-- == 0) throw DeviceError("no pinned memory");
    auto* data = new std::byte[static_cast<std::size_t>(size_bytes)];
    pinned_[data] = size_bytes;
    return data;
  }
  void free_pinned(void* data) noexcept override {
    CHECK(queued_.empty());
    CHECK(pinned_.erase(static_cast<std::byte*>(data)) == 1);
    delete[] static_cast<std::byte*>(data);
  }
  void copy(void* device, const void* pinned, std::int64_t size_bytes) override {
    CHECK(inside_one_buffer(static_cast<const std::byte*>(pinned), size_bytes));
    queued_.push_back([=] { std::memcpy(device, pinned, static_cast<std::size_t>(size_bytes)); });
    log += 'c';
  }
  void mark(int index) override {
    marks_[index] = queued_.size() + done_;
    log += "m" + std::to_string(index);
  }
  void wait(int index) override {
    const auto found = marks_.find(index);
    if (found == marks_.end()) return;
    for (; done_ < found->second; ++done_) {
      queued_.front()();
      queued_.erase(queued_.begin());
    }
    log += "w" + std::to_string(index);
  }

  std::string log;
  int allocations_left = 100;

 private:
  bool inside_one_buffer(const std::byte* data, std::int64_t size_bytes) const {
    auto found = pinned_.upper_bound(const_cast<std::byte*>(data));
    if (found == pinned_.begin()) return false;
    --found;
    return data + size_bytes <= found->first + found->second;
  }

  std::map<std::byte*, std::int64_t> pinned_;
  std::vector<std::function<void()>> queued_;
  std::map<int, std::size_t> marks_;
  std::size_t done_ = 0;
};

std::vector<unsigned char> numbered(std::size_t size) {
  std::vector<unsigned char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  return bytes;
}

}  // namespace

TEST_CASE("cuda staging: what arrives is what was sent, at every size around a buffer",
          "[kernels][cuda][staging]") {
  for (const int buffers : {1, 2, 3}) {
    for (const std::size_t size : {0, 1, 255, 256, 1023, 1024, 1025, 2048, 2049, 5000}) {
      LazyEngine engine;
      const std::vector<unsigned char> source = numbered(size);
      std::vector<unsigned char> target(size, 0xee);
      StagingRing ring(engine, 1024, buffers);
      std::vector<unsigned char> scratch = source;
      ring.upload(target.data(), scratch.data(), static_cast<std::int64_t>(size));
      scratch.assign(size, 0);  // the caller may do as it likes from here on
      ring.finish();
      CAPTURE(buffers, size);
      CHECK(target == source);
    }
  }
}

TEST_CASE("cuda staging: small uploads share a buffer, and none straddles two",
          "[kernels][cuda][staging]") {
  LazyEngine engine;
  const std::vector<unsigned char> source = numbered(40 * 100);
  std::vector<unsigned char> target(source.size());
  StagingRing ring(engine, 1024);
  for (std::size_t at = 0; at < source.size(); at += 100) {
    ring.upload(target.data() + at, source.data() + at, 100);
  }
  ring.finish();
  CHECK(target == source);
  CHECK(engine.log.substr(0, 15) == "cm0cm0cm0cm0cm1");
}

TEST_CASE("cuda staging: a buffer is filled while the other is on its way",
          "[kernels][cuda][staging]") {
  LazyEngine engine;
  std::vector<unsigned char> source = numbered(4096), target(4096);
  StagingRing ring(engine, 1024);
  ring.upload(target.data(), source.data(), 4096);
  // The third piece waits for the first alone.
  CHECK(engine.log == "cm0cm1w0cm0w1cm1");
  ring.finish();
  CHECK(target == source);
}

TEST_CASE("cuda staging: a ring that ends waits for its copies", "[kernels][cuda][staging]") {
  LazyEngine engine;
  std::vector<unsigned char> source = numbered(3000), target(3000);
  { StagingRing(engine, 1024).upload(target.data(), source.data(), 3000); }
  CHECK(target == source);
}

TEST_CASE("cuda staging: without pinned memory nothing is left behind",
          "[kernels][cuda][staging][errors]") {
  LazyEngine engine;
  engine.allocations_left = 1;
  CHECK_THROWS_WITH(StagingRing(engine, 1024), "no pinned memory");
}
