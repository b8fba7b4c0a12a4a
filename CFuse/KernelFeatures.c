#define _GNU_SOURCE
#include "CFuse.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <unistd.h>

// <linux/fuse.h> from protocol 7.40 on; Debian 12 has 7.38.
struct backing_map {
  int32_t descriptor;
  uint32_t flags;
  uint64_t padding;
};
struct backed_open_out {
  uint64_t handle;
  uint32_t open_flags;
  int32_t backing_id;
};
_Static_assert(sizeof(struct backing_map) == 16, "fuse_backing_map");
_Static_assert(sizeof(struct backed_open_out) == sizeof(struct fuse_open_out), "fuse_open_out");

enum { open_passthrough = 1 << 7 };

int cfuse_backing_open(struct fuse_session *session, int descriptor) {
  struct backing_map map = {.descriptor = descriptor};
  int id = ioctl(fuse_session_fd(session), _IOW(229, 1, struct backing_map), &map);
  return id >= 0 ? id : -errno;
}

int cfuse_backing_close(struct fuse_session *session, int id) {
  uint32_t number = (uint32_t)id;
  return ioctl(fuse_session_fd(session), _IOW(229, 2, uint32_t), &number) == 0 ? 0 : -errno;
}

static struct backed_open_out opened(const struct fuse_file_info *information, int id) {
  return (struct backed_open_out){
    .handle = information->fh,
    .open_flags = open_passthrough | (information->noflush ? FOPEN_NOFLUSH : 0),
    .backing_id = id,
  };
}

int cfuse_reply_open_backed(fuse_req_t request, const struct fuse_file_info *information, int id) {
  struct backed_open_out answer = opened(information, id);
  return fuse_reply_buf(request, (const char *)&answer, sizeof answer);
}

static void split(double seconds, uint64_t *whole, uint32_t *nanoseconds) {
  *whole = seconds > 0 ? (uint64_t)seconds : 0;
  *nanoseconds = seconds > 0 ? (uint32_t)((seconds - (double)*whole) * 1e9) : 0;
}

int cfuse_reply_create_backed(
    fuse_req_t request, const struct fuse_entry_param *entry, const struct fuse_file_info *information, int id) {
  struct {
    struct fuse_entry_out entry;
    struct backed_open_out open;
  } answer = {.open = opened(information, id)};
  _Static_assert(sizeof answer == 144, "fuse_entry_out and fuse_open_out");
  const struct stat *status = &entry->attr;
  answer.entry.nodeid = entry->ino;
  answer.entry.generation = entry->generation;
  split(entry->entry_timeout, &answer.entry.entry_valid, &answer.entry.entry_valid_nsec);
  split(entry->attr_timeout, &answer.entry.attr_valid, &answer.entry.attr_valid_nsec);
  answer.entry.attr = (struct fuse_attr){
    .ino = status->st_ino,
    .size = (uint64_t)status->st_size,
    .blocks = (uint64_t)status->st_blocks,
    .atime = (uint64_t)status->st_atim.tv_sec,
    .mtime = (uint64_t)status->st_mtim.tv_sec,
    .ctime = (uint64_t)status->st_ctim.tv_sec,
    .atimensec = (uint32_t)status->st_atim.tv_nsec,
    .mtimensec = (uint32_t)status->st_mtim.tv_nsec,
    .ctimensec = (uint32_t)status->st_ctim.tv_nsec,
    .mode = status->st_mode,
    .nlink = (uint32_t)status->st_nlink,
    .uid = status->st_uid,
    .gid = status->st_gid,
    .rdev = (uint32_t)status->st_rdev,
    .blksize = (uint32_t)status->st_blksize,
  };
  return fuse_reply_buf(request, (const char *)&answer, sizeof answer);
}

int cfuse_increment_epoch(struct fuse_session *session) {
  enum { notify_increment_epoch = 8 };
  struct fuse_out_header message = {.len = sizeof message, .error = notify_increment_epoch};
  ssize_t written = write(fuse_session_fd(session), &message, sizeof message);
  return written == (ssize_t)sizeof message ? 0 : -errno;
}
