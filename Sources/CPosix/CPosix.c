#define _GNU_SOURCE
#include "CPosix.h"
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

int tantra_reflink(int source, int target) { return ioctl(target, FICLONE, source); }

ssize_t tantra_copy_range(int source, off_t from, int target, off_t to, size_t count) {
  return copy_file_range(source, &from, target, &to, count, 0);
}

ssize_t tantra_get_attribute(const char *path, const char *name, void *value, size_t size) {
  return getxattr(path, name, value, size);
}

long long tantra_cached_pages(int descriptor) {
  // linux/mman.h and the number of the call are newer than what the C library brings; the number is that of every machine.
  struct {
    uint64_t offset, length;
  } whole = {0, 0};
  struct {
    uint64_t cached, dirty, under_writeback, evicted, recently_evicted;
  } pages = {0, 0, 0, 0, 0};
  if (syscall(451, descriptor, &whole, &pages, 0) != 0) return -1;
  return (long long)pages.cached;
}
