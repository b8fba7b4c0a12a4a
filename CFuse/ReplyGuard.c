#define _GNU_SOURCE
#include "CFuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// The length that this thread's next successful reply must have, header included; 0 when any length is right.
static _Thread_local size_t promised_length;

static ssize_t guarded_read(int descriptor, void *buffer, size_t size, void *userdata) {
  (void)userdata;
  return read(descriptor, buffer, size);
}

static ssize_t guarded_writev(int descriptor, struct iovec *vector, int count, void *userdata) {
  (void)userdata;
  if (promised_length != 0 && count > 0 && vector[0].iov_len >= sizeof(struct fuse_out_header)) {
    struct fuse_out_header header;
    memcpy(&header, vector[0].iov_base, sizeof header);
    if (header.error == 0 && header.len != promised_length) {
      size_t claimed = header.len;
      header.len = sizeof header;
      header.error = -EIO;
      ssize_t written = write(descriptor, &header, sizeof header);
      return written == (ssize_t)sizeof header ? (ssize_t)claimed : -1;
    }
  }
  return writev(descriptor, vector, count);
}

static ssize_t guarded_splice_receive(
    int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned int flags, void *userdata) {
  (void)userdata;
  return splice(from, from_offset, to, to_offset, length, flags);
}

static ssize_t guarded_splice_send(
    int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned int flags, void *userdata) {
  (void)userdata;
  if (promised_length == 0 || length == promised_length) return splice(from, from_offset, to, to_offset, length, flags);

  // The pipe holds the header and too little data. libfuse made it non-blocking, so it can be drained.
  struct fuse_out_header header;
  if (read(from, &header, sizeof header) != (ssize_t)sizeof header) {
    errno = EIO;
    return -1;
  }
  char scratch[4096];
  while (read(from, scratch, sizeof scratch) > 0) {}
  header.len = sizeof header;
  header.error = -EIO;
  return write(to, &header, sizeof header) == (ssize_t)sizeof header ? (ssize_t)length : -1;
}

int cfuse_guard_session(struct fuse_session *session) {
  const struct fuse_custom_io hooks = {
    .writev = guarded_writev,
    .read = guarded_read,
    .splice_receive = guarded_splice_receive,
    .splice_send = guarded_splice_send,
  };
  return fuse_session_custom_io(session, &hooks, fuse_session_fd(session));
}

int cfuse_reply_exactly(fuse_req_t request, struct fuse_bufvec *vector, size_t size) {
  promised_length = size + sizeof(struct fuse_out_header);
  int result = fuse_reply_data(request, vector, 0);
  promised_length = 0;
  return result;
}
