// What kernels can do of which libfuse 3.14 knows nothing: reading files themselves (FUSE_PASSTHROUGH, Linux 6.9), and
// looking up all names again (FUSE_NOTIFY_INC_EPOCH, Linux 6.16).
#pragma once

#include <fuse3/fuse_lowlevel.h>
#include <stdint.h>

/// Registers an open file as a backing file. Its id, above 0, or a negative errno: EPERM without CAP_SYS_ADMIN.
int cfuse_backing_open(struct fuse_session *session, int descriptor);

/// Takes a registration back; files that are open on it keep it.
int cfuse_backing_close(struct fuse_session *session, int id);

/// Answers OPEN: reads and mappings of the file go to the backing file. As fuse_reply_open.
int cfuse_reply_open_backed(fuse_req_t request, const struct fuse_file_info *information, int id);

/// Answers CREATE in the same way: reads, writes and mappings go to the backing file. As fuse_reply_create.
int cfuse_reply_create_backed(
    fuse_req_t request, const struct fuse_entry_param *entry, const struct fuse_file_info *information, int id);

/// Makes the kernel look up every name again before it uses it, without waiting for any lock. 0, or a negative errno: EINVAL
/// from a kernel that cannot.
int cfuse_increment_epoch(struct fuse_session *session);
