// System calls that Swift cannot reach: macros with arguments, and functions behind _GNU_SOURCE.
#pragma once
#include <sys/types.h>

/// ioctl(FICLONE): makes `target` share the blocks of `source`. 0, or -1 with errno.
int tantra_reflink(int source, int target);

/// copy_file_range(2) from offset `from` of the source to offset `to` of the target.
ssize_t tantra_copy_range(int source, off_t from, int target, off_t to, size_t count);

/// getxattr(2).
ssize_t tantra_get_attribute(const char *path, const char *name, void *value, size_t size);

/// cachestat(2) (Linux 6.5) on the whole file: how many of its pages are in the page cache, or -1 with errno.
long long tantra_cached_pages(int descriptor);
