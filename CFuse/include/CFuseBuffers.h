// fuse_bufvec ends in a flexible array, which Swift sees as one element: vectors are built here.
#pragma once

#include <fuse3/fuse_common.h>
#include <stddef.h>
#include <stdlib.h>

/// Allocates a vector of `count` empty buffers, or NULL; `free` releases it.
static inline struct fuse_bufvec *cfuse_bufvec_allocate(size_t count) {
  size_t bytes;
  if (count == 0 || __builtin_mul_overflow(count, sizeof(struct fuse_buf), &bytes) ||
      __builtin_add_overflow(bytes, offsetof(struct fuse_bufvec, buf), &bytes) || bytes < sizeof(struct fuse_bufvec))
    return NULL;
  struct fuse_bufvec *vector = calloc(1, bytes);
  if (vector != NULL) vector->count = count;
  return vector;
}

/// Makes buffer `index` (below `count`) a range of memory.
static inline void cfuse_bufvec_set_memory(struct fuse_bufvec *vector, size_t index, void *memory, size_t size) {
  if (index >= vector->count) return;
  vector->buf[index] = (struct fuse_buf){.size = size, .mem = memory, .fd = -1};
}

/// Makes buffer `index` (below `count`) a range of a file.
static inline void cfuse_bufvec_set_file(
    struct fuse_bufvec *vector, size_t index, int descriptor, off_t position, size_t size) {
  if (index >= vector->count) return;
  vector->buf[index] = (struct fuse_buf){
    .size = size,
    .flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY,
    .fd = descriptor,
    .pos = position,
  };
}
