#define _GNU_SOURCE
#include "CPosix.h"
#include <linux/fs.h>
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
