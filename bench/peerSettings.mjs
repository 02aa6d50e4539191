/** What the PyTorch peer is started with: the allocator settings that are fastest for it, as its header says. */
export const mallocSettings = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '100000000000',
  MALLOC_TOP_PAD_: '1073741824',
};
