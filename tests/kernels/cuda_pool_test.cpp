#include "kernels/cuda/memory_pool.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using lamina::DeviceError;
using lamina::InvalidArgument;
using lamina::kernels::cuda::kAnyStream;
using lamina::kernels::cuda::MemoryPool;
using lamina::kernels::cuda::MemorySource;
using lamina::kernels::cuda::MomentId;
using lamina::kernels::cuda::StreamId;

namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

// A device of so many bytes whose streams end their work only when told to. Addresses are made up:
// a pool never touches what it hands out.
class FakeDevice : public MemorySource {
 public:
  explicit FakeDevice(std::int64_t total_bytes) : total_bytes_(total_bytes) {}

  std::string name() const override { return "cuda:0"; }
  void* allocate(std::int64_t size_bytes) override {
    log.push_back("allocate " + std::to_string(size_bytes));
    if (used_bytes() + size_bytes > total_bytes_) return nullptr;
    next_address_ += 1 << 8;
    void* data = reinterpret_cast<void*>(next_address_);  // NOLINT: never read
    blocks_[data] = size_bytes;
    return data;
  }
  void free(void* data) noexcept override {
    CHECK(blocks_.erase(data) == 1);
    log.push_back("free");
  }
  Level level() override { return {total_bytes_ - used_bytes(), total_bytes_}; }
  MomentId record(StreamId stream) override {
    if (broken) throw lamina::CudaError("the device is lost");
    auto* moment = new Moment{stream, false};
    moments_.insert(moment);
    return moment;
  }
  bool reached(MomentId moment) override { return static_cast<Moment*>(moment)->reached; }
  void forget(MomentId moment) noexcept override {
    CHECK(moments_.erase(static_cast<Moment*>(moment)) == 1);
    delete static_cast<Moment*>(moment);
  }

  void end_work_of(StreamId stream) {
    for (Moment* moment : moments_) {
      if (moment->stream == stream) moment->reached = true;
    }
  }
  std::int64_t used_bytes() const {
    std::int64_t sum = 0;
    for (const auto& [data, size_bytes] : blocks_) sum += size_bytes;
    return sum;
  }
  std::size_t moments() const { return moments_.size(); }

  std::vector<std::string> log;
  bool broken = false;

 private:
  struct Moment {
    StreamId stream;
    bool reached;
  };

  std::int64_t total_bytes_;
  std::uintptr_t next_address_ = 0;
  std::map<void*, std::int64_t> blocks_;
  std::set<Moment*> moments_;
};

int first_stream, second_stream;
const StreamId kFirst = &first_stream, kSecond = &second_stream;

}  // namespace

TEST_CASE("cuda pool: a class holds the request, and wastes a quarter or a page at most",
          "[kernels][cuda][pool]") {
  CHECK(MemoryPool::class_of(1) == 512);
  CHECK(MemoryPool::class_of(512) == 512);
  CHECK(MemoryPool::class_of(513) == 640);
  CHECK(MemoryPool::class_of(kMiB + 1) == kMiB + kMiB / 4);
  CHECK(MemoryPool::class_of(100 * kMiB + 1) == 102 * kMiB);
  std::int64_t last = 0;
  for (std::int64_t size = 1; size < (std::int64_t{1} << 40); size += size / 7 + 1) {
    const std::int64_t taken = MemoryPool::class_of(size);
    CHECK(taken >= size);
    CHECK(taken >= last);
    CHECK((taken <= 512 || taken - size <= std::min(size / 4, 2 * kMiB)));
    CHECK(MemoryPool::class_of(taken) == taken);
    last = taken;
  }
}

TEST_CASE("cuda pool: a stream takes its own block again at once", "[kernels][cuda][pool]") {
  FakeDevice device(64 * kMiB);
  {
    MemoryPool pool(device);
    void* block = pool.allocate(3 * kMiB, kFirst);
    pool.free(block, kFirst);
    CHECK(pool.allocate(3 * kMiB - 5, kFirst) == block);
    CHECK(pool.statistics().source_calls == 1);
    CHECK(pool.statistics().reuses == 1);
    pool.free(block, kFirst);
  }
  CHECK(device.used_bytes() == 0);
  CHECK(device.moments() == 0);
}

TEST_CASE("cuda pool: another stream takes a block only when its last work has ended",
          "[kernels][cuda][pool]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  void* block = pool.allocate(kMiB, kFirst);
  pool.free(block, kFirst);
  void* other = pool.allocate(kMiB, kSecond);
  CHECK(other != block);
  device.end_work_of(kFirst);
  CHECK(pool.allocate(kMiB, kSecond) == block);
  pool.free(block, kSecond);
  pool.free(other, kSecond);
}

TEST_CASE("cuda pool: where no stream is named a block waits for all of them",
          "[kernels][cuda][pool]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  void* block = pool.allocate(kMiB, kAnyStream);
  CHECK(pool.owns(block));
  pool.free(block, kAnyStream);
  CHECK_FALSE(pool.owns(block));
  void* other = pool.allocate(kMiB, kAnyStream);
  CHECK(other != block);
  device.end_work_of(kAnyStream);
  CHECK(pool.allocate(kMiB, kAnyStream) == block);
  pool.free(block, kAnyStream);
  pool.free(other, kAnyStream);
}

TEST_CASE("cuda pool: of several blocks the stream's own comes first, then the smallest and oldest",
          "[kernels][cuda][pool]") {
  FakeDevice device(256 * kMiB);
  MemoryPool pool(device);
  void* foreign = pool.allocate(16 * kMiB, kSecond);
  void* large = pool.allocate(18 * kMiB, kFirst);
  void* older = pool.allocate(16 * kMiB, kFirst);
  void* newer = pool.allocate(16 * kMiB, kFirst);
  pool.free(foreign, kSecond);
  device.end_work_of(kSecond);
  pool.free(large, kFirst);
  pool.free(older, kFirst);
  pool.free(newer, kFirst);
  std::vector<void*> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(pool.allocate(16 * kMiB, kFirst));
  CHECK(taken == std::vector<void*>{older, newer, large, foreign});
  for (void* block : taken) pool.free(block, kFirst);
}

TEST_CASE("cuda pool: a block much larger than the request is left alone",
          "[kernels][cuda][pool]") {
  FakeDevice device(256 * kMiB);
  MemoryPool pool(device);
  void* large = pool.allocate(32 * kMiB, kFirst);
  pool.free(large, kFirst);
  void* small = pool.allocate(16 * kMiB, kFirst);
  CHECK(small != large);
  pool.free(small, kFirst);
}

TEST_CASE("cuda pool: before memory is exhausted the cached blocks go back",
          "[kernels][cuda][pool]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  pool.free(pool.allocate(40 * kMiB, kFirst), kFirst);
  void* block = pool.allocate(60 * kMiB, kFirst);
  CHECK(device.log == std::vector<std::string>{"allocate 41943040", "allocate 62914560", "free",
                                               "allocate 62914560"});
  CHECK(pool.statistics().held_bytes() == 60 * kMiB);
  pool.free(block, kFirst);
}

TEST_CASE("cuda pool: exhaustion tells what was needed, free and held",
          "[kernels][cuda][pool][errors]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  void* block = pool.allocate(24 * kMiB, kFirst);
  pool.free(pool.allocate(8 * kMiB, kFirst), kFirst);
  CHECK_THROWS_AS(pool.allocate(48 * kMiB, kFirst), DeviceError);
  CHECK_THROWS_WITH(pool.allocate(48 * kMiB, kFirst),
                    "[cuda:0] out of memory: needed 48.0 MiB, free 40.0 MiB of 64.0 MiB, held by "
                    "this program's pool 24.0 MiB");
  // It is as usable as before.
  void* fits = pool.allocate(40 * kMiB, kFirst);
  CHECK(pool.statistics().in_use_bytes == 64 * kMiB);
  pool.free(fits, kFirst);
  pool.free(block, kFirst);
}

TEST_CASE("cuda pool: nothing is null, and a nonsensical size is refused",
          "[kernels][cuda][pool][errors]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  CHECK(pool.allocate(0, kFirst) == nullptr);
  pool.free(nullptr, kFirst);
  CHECK_THROWS_AS(pool.allocate(-1, kFirst), InvalidArgument);
  CHECK_THROWS_AS(pool.allocate(INT64_MAX, kFirst), InvalidArgument);
  CHECK(device.log.empty());
}

TEST_CASE("cuda pool: a block given back on a lost device is not kept",
          "[kernels][cuda][pool][errors]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  void* block = pool.allocate(kMiB, kFirst);
  device.broken = true;
  pool.free(block, kFirst);
  CHECK(device.used_bytes() == 0);
  CHECK(pool.statistics().held_bytes() == 0);
}

TEST_CASE("cuda pool: statistics add up", "[kernels][cuda][pool]") {
  FakeDevice device(64 * kMiB);
  MemoryPool pool(device);
  void* a = pool.allocate(4 * kMiB, kFirst);
  void* b = pool.allocate(2 * kMiB, kFirst);
  pool.free(a, kFirst);
  const MemoryPool::Statistics now = pool.statistics();
  CHECK(now.in_use_bytes == 2 * kMiB);
  CHECK(now.cached_bytes == 4 * kMiB);
  CHECK(now.peak_in_use_bytes == 6 * kMiB);
  CHECK(now.held_bytes() == device.used_bytes());
  pool.release_cached();
  CHECK(pool.statistics().cached_bytes == 0);
  CHECK(device.used_bytes() == 2 * kMiB);
  pool.free(b, kFirst);
}

TEST_CASE("cuda pool: threads never share a block", "[kernels][cuda][pool][thread]") {
  FakeDevice device(1024 * kMiB);
  MemoryPool pool(device);
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<void*> held;
  bool shared = false;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        void* block = pool.allocate((i + t) % 7 * kMiB + 1, kFirst);
        {
          const std::lock_guard lock(mutex);
          shared |= !held.insert(block).second;
        }
        const std::lock_guard lock(mutex);
        held.erase(block);
        pool.free(block, kFirst);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(shared);
  CHECK(pool.statistics().in_use_bytes == 0);
}
