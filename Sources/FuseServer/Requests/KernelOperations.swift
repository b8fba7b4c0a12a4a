import CFuse
import WeightsFS

/// The table of callbacks that libfuse calls; one function per group of operations fills its part.
///
/// What stays empty answers ENOSYS, once, and is not asked for again: fsync of folders, lseek, locks (the kernel then keeps
/// locks itself), access (the kernel checks modes: `default_permissions`).
enum KernelOperations {
  static func table() -> fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    addSession(to: &table)
    addInodes(to: &table)
    addFiles(to: &table)
    addDirectories(to: &table)
    addTreeChanges(to: &table)
    addExtendedAttributes(to: &table)
    return table
  }

  /// Answers an operation that has no result but success or failure.
  static func perform(
    _ raw: fuse_req_t?, _ operation: StaticString,
    _ body: (any FileSystem, borrowing Request) throws(FileSystemError) -> Void
  ) {
    Dispatcher.handle(raw) { dispatcher, request in
      do throws(FileSystemError) {
        try body(dispatcher.fileSystem, request)
        request.reply(errno: 0)
      } catch {
        dispatcher.fail(request, operation, error)
      }
    }
  }
}
