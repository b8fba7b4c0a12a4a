// libfuse3's low-level API for Swift, with what Swift's importer cannot take from it or from the C library.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include "CFuseBuffers.h"
#include "CFuseConstants.h"
#include "CFuseKernelFeatures.h"
#include "CFuseSessionHooks.h"
#include "CFuseSystem.h"

// Swift reads these layouts from the headers, libfuse from its own build: they must be the same.
_Static_assert(sizeof(struct fuse_lowlevel_ops) == 352, "fuse_lowlevel_ops");
_Static_assert(sizeof(struct fuse_file_info) == 40, "fuse_file_info");
_Static_assert(sizeof(struct fuse_buf) == 40, "fuse_buf");
_Static_assert(sizeof(struct fuse_bufvec) == 64, "fuse_bufvec");
