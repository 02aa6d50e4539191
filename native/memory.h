// Native tensor memory: 64-byte aligned blocks behind integer handles, with a cache of freed blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace coldstart {

struct MemoryCounts {
  size_t liveBlocks;
  size_t liveBytes;
  size_t cachedBytes;
  size_t peakBytes;  // most bytes ever taken from the system at once: live and cached
};

// One per JavaScript environment; used only by that environment's thread.
class Memory {
 public:
  ~Memory();

  // A block of at least `bytes` bytes. Throws KernelError if the system has no memory left.
  int32_t allocate(size_t bytes);
  // Throws KernelError for a handle that is not live.
  void release(int32_t handle);
  void* data(int32_t handle) const;
  size_t bytes(int32_t handle) const;

  // Returns every cached block to the system.
  void trim();
  MemoryCounts counts() const;

  // Fills every block allocated from now on with NaN bits, which reveal a kernel that reads what it did not write.
  void setPoison(bool poison) { poison_ = poison; }

  // Memory that lives until the end of the kernel that asked for it.
  void* scratch(size_t bytes);
  void releaseScratch();

 private:
  struct Block {
    void* data = nullptr;
    size_t bytes = 0;
    size_t capacity = 0;  // 0: not live
  };

  const Block& live(int32_t handle) const;
  // A free block of at least `capacity` bytes; sets `capacity` to the block's.
  void* take(size_t& capacity);
  void shrinkCache(size_t wanted);

  std::vector<Block> blocks_;
  std::vector<int32_t> freeHandles_;
  std::map<size_t, std::vector<void*>> cache_;  // by capacity; no list is empty
  std::vector<int32_t> scratch_;
  size_t liveBlocks_ = 0;
  size_t liveBytes_ = 0;
  size_t mostLiveBytes_ = 0;
  size_t cachedBytes_ = 0;
  size_t peakBytes_ = 0;
  bool poison_ = false;
};

}  // namespace coldstart
