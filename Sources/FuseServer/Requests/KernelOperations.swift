import CFuse

/// The table of callbacks that libfuse calls; each group of requests adds its own.
///
/// What stays empty answers ENOSYS, once, and is not asked for again: fsync of folders, lseek, locks (the kernel then keeps
/// locks itself), access (the kernel checks modes: `default_permissions`).
enum KernelOperations {
  static func table() -> fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    SessionRequests.add(to: &table)
    InodeRequests.add(to: &table)
    FileRequests.add(to: &table)
    DirectoryRequests.add(to: &table)
    TreeChangeRequests.add(to: &table)
    ExtendedAttributeRequests.add(to: &table)
    return table
  }
}
