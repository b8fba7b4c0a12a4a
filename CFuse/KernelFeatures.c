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

int cfuse_reply_open_backed(fuse_req_t request, const struct fuse_file_info *information, int id) {
  struct backed_open_out answer = {
    .handle = information->fh,
    .open_flags = open_passthrough | (information->noflush ? FOPEN_NOFLUSH : 0),
    .backing_id = id,
  };
  return fuse_reply_buf(request, (const char *)&answer, sizeof answer);
}

int cfuse_increment_epoch(struct fuse_session *session) {
  enum { notify_increment_epoch = 8 };
  struct fuse_out_header message = {.len = sizeof message, .error = notify_increment_epoch};
  ssize_t written = write(fuse_session_fd(session), &message, sizeof message);
  return written == (ssize_t)sizeof message ? 0 : -errno;
}
