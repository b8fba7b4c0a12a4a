// What libfuse 3.14 does not do itself, done where its messages leave and enter: replies of a promised length, and the
// agreement with the kernel that it may read backing files without asking.
#pragma once

#include <fuse3/fuse_lowlevel.h>
#include <stddef.h>
#include <stdint.h>

/// Puts the hooks on a mounted session. 0, or a negative errno.
int cfuse_hook_session(struct fuse_session *session);

/// fuse_reply_data for exactly `size` bytes, which is what `vector` adds up to; fewer are answered with EIO.
///
/// fuse_reply_data sends what it could copy: an I/O error, or the end of a file, in the middle of an answer becomes a short
/// reply, which the kernel takes for the end of the file, and silently shortens it.
int cfuse_reply_exactly(fuse_req_t request, struct fuse_bufvec *vector, size_t size);

/// Lets this thread, which is about to answer INIT, ask for passthrough if the kernel offers it. `depth` is how many file
/// systems may be stacked below the mount: 1, or 2 if the backing files lie on overlayfs.
void cfuse_want_passthrough(uint32_t depth);

/// Whether the INIT that this thread has answered agreed on passthrough.
int cfuse_has_passthrough(void);
