// Constants in the types of the fields that they go into.
#pragma once

#include <fuse3/fuse_lowlevel.h>
#include <stdint.h>
#include <sys/stat.h>

static const uint32_t cfuse_capability_async_read = FUSE_CAP_ASYNC_READ;
static const uint32_t cfuse_capability_atomic_truncate = FUSE_CAP_ATOMIC_O_TRUNC;
static const uint32_t cfuse_capability_splice_write = FUSE_CAP_SPLICE_WRITE;
static const uint32_t cfuse_capability_splice_move = FUSE_CAP_SPLICE_MOVE;
static const uint32_t cfuse_capability_splice_read = FUSE_CAP_SPLICE_READ;
static const uint32_t cfuse_capability_readdirplus = FUSE_CAP_READDIRPLUS;
static const uint32_t cfuse_capability_readdirplus_auto = FUSE_CAP_READDIRPLUS_AUTO;
static const uint32_t cfuse_capability_parallel_directory_operations = FUSE_CAP_PARALLEL_DIROPS;
static const uint32_t cfuse_capability_cache_symlinks = FUSE_CAP_CACHE_SYMLINKS;
static const uint32_t cfuse_capability_writeback_cache = FUSE_CAP_WRITEBACK_CACHE;

static const int cfuse_set_mode = FUSE_SET_ATTR_MODE;
static const int cfuse_set_size = FUSE_SET_ATTR_SIZE;
static const int cfuse_set_modified = FUSE_SET_ATTR_MTIME;
static const int cfuse_set_modified_now = FUSE_SET_ATTR_MTIME_NOW;
static const int cfuse_set_accessed = FUSE_SET_ATTR_ATIME;
static const int cfuse_set_accessed_now = FUSE_SET_ATTR_ATIME_NOW;

// XATTR_* of <sys/xattr.h>.
static const int cfuse_attribute_create = 1;
static const int cfuse_attribute_replace = 2;

// RENAME_* and FALLOC_FL_* of <linux/fs.h> and <linux/falloc.h>, which C libraries offer to GNU sources only.
static const uint32_t cfuse_rename_noreplace = 1 << 0;
static const uint32_t cfuse_rename_exchange = 1 << 1;
static const int cfuse_allocate_keep_size = 1 << 0;

static const mode_t cfuse_mode_type_mask = S_IFMT;
static const mode_t cfuse_mode_directory = S_IFDIR;
static const mode_t cfuse_mode_regular = S_IFREG;
static const mode_t cfuse_mode_symbolic_link = S_IFLNK;
