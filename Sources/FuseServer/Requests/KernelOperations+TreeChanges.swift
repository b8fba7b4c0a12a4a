import CFuse
import Glibc

extension KernelOperations {
  /// Operations that make, remove or rename names: the tree is read-only, all answer EROFS.
  static func addTreeChanges(to table: inout fuse_lowlevel_ops) {
    table.mknod = { raw, _, _, _, _ in KernelOperations.refuse(raw) }
    table.mkdir = { raw, _, _, _ in KernelOperations.refuse(raw) }
    table.create = { raw, _, _, _, _ in KernelOperations.refuse(raw) }
    table.symlink = { raw, _, _, _ in KernelOperations.refuse(raw) }
    table.link = { raw, _, _, _ in KernelOperations.refuse(raw) }
    table.unlink = { raw, _, _ in KernelOperations.refuse(raw) }
    table.rmdir = { raw, _, _ in KernelOperations.refuse(raw) }
    table.rename = { raw, _, _, _, _, _ in KernelOperations.refuse(raw) }
  }

  private static func refuse(_ raw: fuse_req_t?) {
    Dispatcher.handle(raw) { _, request in request.reply(errno: EROFS) }
  }
}
