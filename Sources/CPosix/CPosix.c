#define _GNU_SOURCE
#include "CPosix.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int tantra_reflink(int source, int target) { return ioctl(target, FICLONE, source); }

long tantra_copy_range(int source, long from, int target, long to, size_t count) {
  return copy_file_range(source, &from, target, &to, count, 0);
}

long tantra_get_attribute(const char *path, const char *name, void *value, size_t size) {
  return getxattr(path, name, value, size);
}

int tantra_set_attribute(int file, const char *name, const void *value, size_t size) {
  return fsetxattr(file, name, value, size, 0);
}

long tantra_cached_pages(int file, uint64_t offset, uint64_t count) {
  // <linux/mman.h> of Linux 6.5; the call has this number on every architecture.
  struct { uint64_t offset, count; } range = {offset, count};
  struct { uint64_t cached, dirty, written_back, evicted, recently_evicted; } found = {0};
  return syscall(451, file, &range, &found, 0) == 0 ? (long)found.cached : -1;
}

int tantra_start_writing(int file, long offset, long count) {
  return sync_file_range(file, offset, count, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
}

int tantra_set_immutable(int file, int immutable) {
  int flags;
  if (ioctl(file, FS_IOC_GETFLAGS, &flags) != 0) return -1;
  int wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  return wanted == flags ? 0 : ioctl(file, FS_IOC_SETFLAGS, &wanted);
}

int tantra_is_immutable(int file) {
  int flags;
  return ioctl(file, FS_IOC_GETFLAGS, &flags) == 0 ? (flags & FS_IMMUTABLE_FL) != 0 : -1;
}

int tantra_has_writers(int file) {
  if (fcntl(file, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN || errno == EBUSY;
  fcntl(file, F_SETLEASE, F_UNLCK);
  return 0;
}

int tantra_finish_writing(int file, long offset, long count) {
  return sync_file_range(
      file, offset, count, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

int tantra_punch_hole(int file, long offset, long count) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count);
}

int tantra_is_stacked(int file) {
  struct statfs status;
  return fstatfs(file, &status) == 0 && status.f_type == OVERLAYFS_SUPER_MAGIC;
}

int tantra_pipe(int descriptors[2]) { return pipe2(descriptors, O_CLOEXEC); }

void tantra_release_memory(void) { malloc_trim(0); }

int tantra_return_freed_memory(int threshold) {
  // Either alone would do: it is what keeps the C library from raising both up to 64 MB by itself.
  return mallopt(M_MMAP_THRESHOLD, threshold) == 1 && mallopt(M_TRIM_THRESHOLD, threshold) == 1;
}

void tantra_give_way(void) {
  // On Linux both are about the calling thread. The class "best effort" (2) stands in the bits from 13 on, and 7 is its lowest level:
  // an idle thread might never come to let go of a lock.
  setpriority(PRIO_PROCESS, 0, 10);
  syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, 2 << 13 | 7);
}
