import CFuse
import Dispatch
import Glibc
import WeightsFS

/// Operations that make, remove or rename names. The kernel holds the lock of the folder meanwhile, so none of them may
/// wait for a notification.
enum TreeChangeRequests {
  static func add(to table: inout fuse_lowlevel_ops) {
    table.mknod = { raw, parent, name, mode, _ in
      TreeChangeRequests.enter(raw, "mknod") { fileSystem, request throws(FileSystemError) in
        // Devices, pipes and sockets. A regular file is made so by tar before it is opened.
        guard mode & S_IFMT == S_IFREG else { throw FileSystemError(EPERM) }
        let created = try fileSystem.create(
          try KernelNames.new(name), in: InodeNumber(rawValue: parent),
          OpenAccess(
            reads: false, writes: true, truncates: false, caller: request.caller,
            permissions: KernelAttributes.permissions(mode)),
          isExclusive: true)
        let handle = created.file.handle
        if created.file.caching == .staging {
          // Nobody sees it by its name once its writer has gone, and tar looks for it before it is opened.
          DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(1)) { [weak fileSystem] in
            fileSystem?.release(handle)
          }
        } else {
          fileSystem.release(handle)
        }
        return created.item
      }
    }
    table.mkdir = { raw, parent, name, mode in
      TreeChangeRequests.enter(raw, "mkdir") { fileSystem, request throws(FileSystemError) in
        try fileSystem.makeDirectory(
          try KernelNames.new(name), in: InodeNumber(rawValue: parent),
          permissions: KernelAttributes.permissions(mode), caller: request.caller)
      }
    }
    table.symlink = { raw, target, parent, name in
      TreeChangeRequests.enter(raw, "symlink") { fileSystem, request throws(FileSystemError) in
        try fileSystem.makeSymbolicLink(
          try KernelNames.new(name), in: InodeNumber(rawValue: parent),
          target: try KernelNames.linkTarget(target), caller: request.caller)
      }
    }
    table.link = { raw, inode, parent, name in
      TreeChangeRequests.enter(raw, "link", likeLinkOf: InodeNumber(rawValue: inode)) {
        fileSystem, request throws(FileSystemError) in
        try fileSystem.makeHardLink(
          to: InodeNumber(rawValue: inode), named: try KernelNames.new(name),
          in: InodeNumber(rawValue: parent), caller: request.caller, isInterrupted: request.interruption)
      }
    }
    table.create = { raw, parent, name, mode, information in
      Dispatcher.handle(raw) {
        TreeChangeRequests.create($0, $1, name: name, mode, in: InodeNumber(rawValue: parent), information)
      }
    }
    table.unlink = { raw, parent, name in
      Dispatcher.perform(raw, "unlink") { fileSystem, request throws(FileSystemError) in
        try fileSystem.unlink(
          try KernelNames.known(name), in: InodeNumber(rawValue: parent), caller: request.caller)
      }
    }
    table.rmdir = { raw, parent, name in
      Dispatcher.perform(raw, "rmdir") { fileSystem, request throws(FileSystemError) in
        try fileSystem.removeDirectory(
          try KernelNames.known(name), in: InodeNumber(rawValue: parent), caller: request.caller)
      }
    }
    table.rename = { raw, parent, name, newParent, newName, flags in
      Dispatcher.perform(raw, "rename") { fileSystem, request throws(FileSystemError) in
        try fileSystem.rename(
          try KernelNames.known(name), in: InodeNumber(rawValue: parent),
          to: try KernelNames.new(newName), in: InodeNumber(rawValue: newParent),
          try TreeChangeRequests.renameMode(flags), caller: request.caller, isInterrupted: request.interruption)
      }
    }
  }

  private static func renameMode(_ flags: UInt32) throws(FileSystemError) -> RenameMode {
    switch flags {
    case 0: .replacing
    case cfuse_rename_noreplace: .keeping
    case cfuse_rename_exchange: .exchanging
    default: throw FileSystemError(EINVAL)
    }
  }

  /// Answers with a new name, which counts as a lookup of it.
  ///
  /// - Parameter linked: the file of which the new one is a hard link.
  private static func enter(
    _ raw: fuse_req_t?, _ operation: StaticString, likeLinkOf linked: InodeNumber? = nil,
    _ body: (any FileSystem, borrowing Request) throws(FileSystemError) -> DirectoryItem
  ) {
    Dispatcher.handle(raw) { dispatcher, request in
      do throws(FileSystemError) {
        let item = try body(dispatcher.fileSystem, request)
        dispatcher.answer(request, with: item, likeLinkOf: linked)
      } catch {
        dispatcher.fail(request, operation, error)
      }
    }
  }

  private static func create(
    _ dispatcher: Dispatcher, _ request: consuming Request, name: UnsafePointer<CChar>?, _ mode: mode_t,
    in parent: InodeNumber,
    _ information: UnsafeMutablePointer<fuse_file_info>?
  ) {
    guard let information else { return request.reply(errno: EINVAL) }
    do throws(FileSystemError) {
      let isExclusive = information.pointee.flags & O_EXCL != 0
      var access = OpenAccess(flags: information.pointee.flags, caller: request.caller)
      // The kernel has taken off what the caller's umask forbids.
      access.permissions = KernelAttributes.permissions(mode)
      let created = try dispatcher.fileSystem.create(
        try KernelNames.new(name), in: parent, access, isExclusive: isExclusive)
      information.pointee.describe(created.file, writes: true)
      let entry = KernelAttributes.entry(for: created.item.attributes, owner: dispatcher.owner)
      let isAccepted =
        if let id = dispatcher.backing(of: created.file, created.item.attributes.inode) {
          request.reply(created: entry, information, backing: id)
        } else {
          request.reply(created: entry, information)
        }
      if !isAccepted {
        dispatcher.release(created.file.handle)
        dispatcher.fileSystem.forget(created.item.attributes.inode, count: 1)
      }
    } catch {
      dispatcher.fail(request, "create", error)
    }
  }
}
