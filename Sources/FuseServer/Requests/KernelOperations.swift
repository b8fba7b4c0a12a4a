import CFuse

/// The table of callbacks that libfuse calls; one function per group of operations fills its part.
///
/// What stays empty answers ENOSYS, once, and is not asked for again: extended attributes, fsync, fallocate, locks (the
/// kernel then keeps locks itself), access (the kernel checks modes: `default_permissions`).
enum KernelOperations {
  static func table() -> fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    addSession(to: &table)
    addInodes(to: &table)
    addFiles(to: &table)
    addDirectories(to: &table)
    addTreeChanges(to: &table)
    return table
  }
}
