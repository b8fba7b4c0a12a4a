#define _GNU_SOURCE
#include "CFuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// The length that this thread's next successful reply must have, header included; 0 when any length is right.
static _Thread_local size_t promised_length;

// INIT is received and answered by one thread, before any other serves.
static _Thread_local struct {
  uint32_t depth; // 0: passthrough is not wanted
  uint64_t unique; // of the INIT that offers it
  bool is_agreed;
} handshake;

// <linux/fuse.h> from protocol 7.40 on: FUSE_PASSTHROUGH, the 37th flag, and where max_stack_depth is.
enum { passthrough_flag2 = 1 << 5, stack_depth_offset = 36 };
_Static_assert(sizeof(struct fuse_init_out) == 64, "fuse_init_out");

void cfuse_want_passthrough(uint32_t depth) {
  memset(&handshake, 0, sizeof handshake);
  handshake.depth = depth;
}

int cfuse_has_passthrough(void) { return handshake.is_agreed; }

static void note_offer(const void *message, size_t size) {
  struct fuse_in_header header;
  struct fuse_init_in offer;
  if (size < sizeof header + sizeof offer) return;
  memcpy(&header, message, sizeof header);
  if (header.opcode != FUSE_INIT) return;
  memcpy(&offer, (const char *)message + sizeof header, sizeof offer);
  if (offer.flags & FUSE_INIT_EXT && offer.flags2 & passthrough_flag2) handshake.unique = header.unique;
}

static ssize_t accept_offer(int descriptor, const struct iovec *vector) {
  struct fuse_init_out answer;
  memcpy(&answer, vector[1].iov_base, sizeof answer);
  answer.flags |= FUSE_INIT_EXT;
  answer.flags2 |= passthrough_flag2;
  memcpy((char *)&answer + stack_depth_offset, &handshake.depth, sizeof handshake.depth);
  const struct iovec changed[2] = {vector[0], {.iov_base = &answer, .iov_len = sizeof answer}};
  handshake.depth = 0;
  ssize_t written = writev(descriptor, changed, 2);
  handshake.is_agreed = written >= 0;
  return written;
}

static ssize_t hooked_read(int descriptor, void *buffer, size_t size, void *userdata) {
  (void)userdata;
  ssize_t received = read(descriptor, buffer, size);
  if (handshake.depth != 0 && received > 0) note_offer(buffer, (size_t)received);
  return received;
}

static ssize_t hooked_writev(int descriptor, struct iovec *vector, int count, void *userdata) {
  (void)userdata;
  if (handshake.depth != 0 && handshake.unique != 0 && count == 2 && vector[1].iov_len == sizeof(struct fuse_init_out)) {
    struct fuse_out_header header;
    memcpy(&header, vector[0].iov_base, sizeof header);
    if (header.unique == handshake.unique && header.error == 0) return accept_offer(descriptor, vector);
  }
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

static ssize_t hooked_splice_receive(
    int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned int flags, void *userdata) {
  (void)userdata;
  return splice(from, from_offset, to, to_offset, length, flags);
}

static ssize_t hooked_splice_send(
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

int cfuse_hook_session(struct fuse_session *session) {
  const struct fuse_custom_io hooks = {
    .writev = hooked_writev,
    .read = hooked_read,
    .splice_receive = hooked_splice_receive,
    .splice_send = hooked_splice_send,
  };
  return fuse_session_custom_io(session, &hooks, fuse_session_fd(session));
}

int cfuse_reply_exactly(fuse_req_t request, struct fuse_bufvec *vector, size_t size) {
  promised_length = size + sizeof(struct fuse_out_header);
  int result = fuse_reply_data(request, vector, 0);
  promised_length = 0;
  return result;
}
