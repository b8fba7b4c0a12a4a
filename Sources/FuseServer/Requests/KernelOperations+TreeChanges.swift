import CFuse
import Dispatch
import Glibc
import StoreRecords
import WeightsFS

extension KernelOperations {
  /// Operations that make, remove or rename names. The kernel holds the lock of the folder meanwhile, so none of them may
  /// wait for a notification.
  static func addTreeChanges(to table: inout fuse_lowlevel_ops) {
    table.mknod = { raw, parent, name, mode, _ in
      KernelOperations.enter(raw, "mknod") { fileSystem, request throws(FileSystemError) in
        // Devices, pipes and sockets. A regular file is made so by tar before it is opened.
        guard mode & S_IFMT == S_IFREG else { throw FileSystemError(EPERM) }
        let created = try fileSystem.create(
          try KernelOperations.newName(name), in: InodeNumber(rawValue: parent),
          OpenAccess(
            reads: false, writes: true, truncates: false, caller: request.caller,
            permissions: KernelOperations.permissions(mode)),
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
      KernelOperations.enter(raw, "mkdir") { fileSystem, request throws(FileSystemError) in
        try fileSystem.makeDirectory(
          try KernelOperations.newName(name), in: InodeNumber(rawValue: parent),
          permissions: KernelOperations.permissions(mode), caller: request.caller)
      }
    }
    table.symlink = { raw, target, parent, name in
      KernelOperations.enter(raw, "symlink") { fileSystem, request throws(FileSystemError) in
        try fileSystem.makeSymbolicLink(
          try KernelOperations.newName(name), in: InodeNumber(rawValue: parent),
          target: try KernelOperations.linkTarget(target), caller: request.caller)
      }
    }
    table.link = { raw, inode, parent, name in
      KernelOperations.enter(raw, "link", likeLinkOf: InodeNumber(rawValue: inode)) {
        fileSystem, request throws(FileSystemError) in
        try fileSystem.makeHardLink(
          to: InodeNumber(rawValue: inode), named: try KernelOperations.newName(name),
          in: InodeNumber(rawValue: parent), caller: request.caller, isInterrupted: request.interruption)
      }
    }
    table.create = { raw, parent, name, mode, information in
      Dispatcher.handle(raw) {
        KernelOperations.create($0, $1, name: name, mode, in: InodeNumber(rawValue: parent), information)
      }
    }
    table.unlink = { raw, parent, name in
      KernelOperations.perform(raw, "unlink") { fileSystem, request throws(FileSystemError) in
        try fileSystem.unlink(
          try KernelOperations.knownName(name), in: InodeNumber(rawValue: parent), caller: request.caller)
      }
    }
    table.rmdir = { raw, parent, name in
      KernelOperations.perform(raw, "rmdir") { fileSystem, request throws(FileSystemError) in
        try fileSystem.removeDirectory(
          try KernelOperations.knownName(name), in: InodeNumber(rawValue: parent), caller: request.caller)
      }
    }
    table.rename = { raw, parent, name, newParent, newName, flags in
      KernelOperations.perform(raw, "rename") { fileSystem, request throws(FileSystemError) in
        try fileSystem.rename(
          try KernelOperations.knownName(name), in: InodeNumber(rawValue: parent),
          to: try KernelOperations.newName(newName), in: InodeNumber(rawValue: newParent),
          try KernelOperations.renameMode(flags), caller: request.caller, isInterrupted: request.interruption)
      }
    }
  }

  /// A name that leads to something, if anything has it: no file of ours has one that is not UTF-8.
  static func knownName(_ name: UnsafePointer<CChar>?) throws(FileSystemError) -> String {
    guard let text = try text(name) else { throw FileSystemError(ENOENT) }
    return text
  }

  /// A name that is to be kept.
  private static func newName(_ name: UnsafePointer<CChar>?) throws(FileSystemError) -> String {
    guard let text = try text(name) else {
      throw FileSystemError(EILSEQ, "names are UTF-8; this one is not")
    }
    return text
  }

  /// What a symbolic link is to lead to.
  private static func linkTarget(_ target: UnsafePointer<CChar>?) throws(FileSystemError) -> LinkTarget {
    LinkTarget(try bytes(target, limit: LinkTarget.limit))
  }

  /// The name at an address; nil if it is not UTF-8.
  private static func text(_ name: UnsafePointer<CChar>?) throws(FileSystemError) -> String? {
    String(validating: try bytes(name, limit: Int(NAME_MAX)), as: UTF8.self)
  }

  /// What is at an address, up to the 0 at its end.
  ///
  /// - Throws: `ENAMETOOLONG` for more than `limit` bytes: the kernel leaves that to us.
  private static func bytes(_ text: UnsafePointer<CChar>?, limit: Int) throws(FileSystemError) -> [UInt8] {
    guard let text else { return [] }
    let count = strnlen(text, limit + 1)
    if count > limit { throw FileSystemError(ENAMETOOLONG) }
    return Array(UnsafeRawBufferPointer(start: text, count: count))
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
      var access = access(information.pointee.flags, caller: request.caller)
      // The kernel has taken off what the caller's umask forbids.
      access.permissions = permissions(mode)
      let created = try dispatcher.fileSystem.create(
        try newName(name), in: parent, access, isExclusive: isExclusive)
      describe(created.file, writes: true, in: &information.pointee)
      let entry = KernelAttributes.entry(for: created.item.attributes, owner: dispatcher.owner)
      let isAccepted =
        if let id = backing(of: created.file, created.item.attributes.inode, dispatcher) {
          request.reply(created: entry, information, backing: id)
        } else {
          request.reply(created: entry, information)
        }
      if !isAccepted {
        release(dispatcher, created.file.handle)
        dispatcher.fileSystem.forget(created.item.attributes.inode, count: 1)
      }
    } catch {
      dispatcher.fail(request, "create", error)
    }
  }
}
