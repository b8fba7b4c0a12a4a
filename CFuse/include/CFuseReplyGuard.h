// A reply to a read has the promised length, or is an error.
//
// fuse_reply_data sends what it could copy: an I/O error, or the end of a file, in the middle of an answer becomes a short
// reply, which the kernel takes for the end of the file, and silently shortens it. These hooks see each reply before it
// leaves; one of another length than promised leaves as EIO.
#pragma once

#include <fuse3/fuse_lowlevel.h>
#include <stddef.h>

/// Puts the hooks on a mounted session. 0, or a negative errno.
int cfuse_guard_session(struct fuse_session *session);

/// fuse_reply_data for exactly `size` bytes, which is what `vector` adds up to; fewer are answered with EIO.
int cfuse_reply_exactly(fuse_req_t request, struct fuse_bufvec *vector, size_t size);
