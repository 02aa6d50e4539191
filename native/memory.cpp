#include "memory.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "call.h"

namespace coldstart {

namespace {

constexpr size_t kAlignment = 64;
// A cached block may serve a request of at least this share of its size.
constexpr double kLeastFill = 0.75;
// Live and cached bytes together stay below this multiple of the most that was ever live: a training step that repeats
// takes nothing from the system, and batches of many different sizes do not pile up.
constexpr double kMostSlack = 1.08;
constexpr size_t kCacheFloor = size_t{32} << 20;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kPage = 4096;
// Extra bytes of a mapping, for the offset in the first page: a multiple of the page size of every system (4 to 64 kB),
// since only whole pages are returned.
constexpr size_t kBeyond = size_t{64} << 10;

#if defined(__linux__)
// Large blocks are separate mappings: malloc keeps freed memory between blocks in use, and a process that takes and
// returns blocks of many sizes grows. Huge pages save most of the page faults and address look-ups. Each block begins
// at another place of its first page: kernels walk through several tensors in step, and blocks that all began at a
// multiple of 4 kB would compete for the same few sets of the first-level cache.
void* mapHugePages(size_t bytes) {
  static std::atomic<size_t> next{0};
  // nine is prime to the 64 lines of a page, so that all have their turn
  const size_t offset = next.fetch_add(1, std::memory_order_relaxed) * 9 * kAlignment % kPage;
  const size_t capacity = bytes + kBeyond;
  void* mapped = mmap(nullptr, capacity + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  // huge pages begin at multiples of their size: the memory before and after is returned at once
  char* start = static_cast<char*>(mapped);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  if (before > 0) munmap(start, before);
  munmap(start + before + capacity, kHugePage - before);
  madvise(start + before, capacity, MADV_HUGEPAGE);
  return start + before + offset;
}

void unmap(void* data, size_t bytes) {
  char* start = static_cast<char*>(data) - reinterpret_cast<uintptr_t>(data) % kPage;
  munmap(start, bytes + kBeyond);
}
#endif

bool isMapped(size_t capacity) {
#if defined(__linux__)
  return capacity >= kHugePage;
#else
  (void)capacity;
  return false;
#endif
}

void* takeFromSystem(size_t capacity) {
#if defined(__linux__)
  if (isMapped(capacity)) return mapHugePages(capacity);
#endif
  return std::aligned_alloc(kAlignment, capacity);
}

void giveBack(void* data, size_t capacity) {
#if defined(__linux__)
  if (isMapped(capacity)) {
    unmap(data, capacity);
    return;
  }
#endif
  (void)capacity;
  std::free(data);
}

// Capacities come in eight steps per power of two, so that sizes that differ a little share blocks and at most an
// eighth is wasted.
size_t roundCapacity(size_t bytes) {
  size_t capacity = std::max(bytes, kAlignment);
  size_t power = kAlignment;
  while (power <= capacity / 2) power *= 2;
  const size_t step = std::max(kAlignment, power / 8);
  return (capacity + step - 1) / step * step;
}

}  // namespace

Memory::~Memory() {
  for (Block& block : blocks_) {
    if (block.capacity != 0) giveBack(block.data, block.capacity);
  }
  trim();
}

void* Memory::take(size_t& capacity) {
  auto entry = cache_.lower_bound(capacity);
  if (entry != cache_.end() && static_cast<double>(capacity) >= kLeastFill * static_cast<double>(entry->first)) {
    capacity = entry->first;
    void* data = entry->second.back();
    entry->second.pop_back();
    if (entry->second.empty()) cache_.erase(entry);
    cachedBytes_ -= capacity;
    return data;
  }
  shrinkCache(capacity);
  void* data = takeFromSystem(capacity);
  if (data == nullptr) {
    trim();
    data = takeFromSystem(capacity);
  }
  if (data == nullptr) {
    throw KernelError("out of memory: the system refused " + std::to_string(capacity) + " bytes in addition to " +
                      std::to_string(liveBytes_) +
                      " bytes of live tensors. Use a smaller batch, or dispose tensors that are no longer needed.");
  }
  return data;
}

// Returns cached blocks to the system until `wanted` more bytes fit, the largest first: other sizes can least use them.
void Memory::shrinkCache(size_t wanted) {
  const size_t limit =
      std::max(kCacheFloor,
               static_cast<size_t>(kMostSlack * static_cast<double>(std::max(mostLiveBytes_, liveBytes_ + wanted))));
  while (cachedBytes_ > 0 && liveBytes_ + wanted + cachedBytes_ > limit) {
    auto largest = std::prev(cache_.end());
    giveBack(largest->second.back(), largest->first);
    largest->second.pop_back();
    cachedBytes_ -= largest->first;
    if (largest->second.empty()) cache_.erase(largest);
  }
}

int32_t Memory::allocate(size_t bytes) {
  if (bytes > (size_t{1} << 46))
    throw KernelError("a tensor of " + std::to_string(bytes) + " bytes is larger than any machine's memory");
  Block block;
  block.bytes = bytes;
  block.capacity = roundCapacity(bytes);
  if (freeHandles_.empty()) {
    blocks_.emplace_back();
    freeHandles_.push_back(static_cast<int32_t>(blocks_.size() - 1));
  }
  block.data = take(block.capacity);
  if (poison_) std::memset(block.data, 0xff, block.capacity);
  const int32_t handle = freeHandles_.back();
  freeHandles_.pop_back();
  blocks_[handle] = block;
  liveBlocks_ += 1;
  liveBytes_ += block.capacity;
  mostLiveBytes_ = std::max(mostLiveBytes_, liveBytes_);
  peakBytes_ = std::max(peakBytes_, liveBytes_ + cachedBytes_);
  return handle;
}

const Memory::Block& Memory::live(int32_t handle) const {
  if (handle < 0 || static_cast<size_t>(handle) >= blocks_.size() || blocks_[handle].capacity == 0) {
    throw KernelError("tensor handle " + std::to_string(handle) + " is not live: it was disposed or never made");
  }
  return blocks_[handle];
}

void Memory::release(int32_t handle) {
  const Block block = live(handle);
  blocks_[handle] = Block{};
  freeHandles_.push_back(handle);
  liveBlocks_ -= 1;
  liveBytes_ -= block.capacity;
  cache_[block.capacity].push_back(block.data);
  cachedBytes_ += block.capacity;
}

void* Memory::data(int32_t handle) const { return live(handle).data; }

size_t Memory::bytes(int32_t handle) const { return live(handle).bytes; }

void Memory::trim() {
  for (auto& [capacity, list] : cache_) {
    for (void* data : list) giveBack(data, capacity);
  }
  cache_.clear();
  cachedBytes_ = 0;
  mostLiveBytes_ = liveBytes_;
}

MemoryCounts Memory::counts() const { return {liveBlocks_, liveBytes_, cachedBytes_, peakBytes_}; }

void* Memory::scratch(size_t bytes) {
  scratch_.push_back(allocate(bytes));
  return data(scratch_.back());
}

void Memory::releaseScratch() {
  for (int32_t handle : scratch_) release(handle);
  scratch_.clear();
}

}  // namespace coldstart
