import CFuse
import Glibc
import WeightsFS

/// Extended attributes. A kernel without a label of its own asks for `security.capability` before each write: names that
/// no file here can have are answered without asking the file system.
enum ExtendedAttributeRequests {
  static func add(to table: inout fuse_lowlevel_ops) {
    table.getxattr = { raw, inode, name, size in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          let name = try ExtendedAttributeRequests.attributeName(name, orElse: ENODATA)
          let inode = InodeNumber(rawValue: inode)
          // Whoever unmounts waits for this process.
          let value =
            inode == .root && name == ServingProcess.attribute
            ? Array("\(getpid())".utf8) : try dispatcher.fileSystem.extendedAttribute(name, of: inode)
          request.reply(attribute: value, room: size)
        } catch {
          dispatcher.fail(request, "getxattr", error)
        }
      }
    }
    table.listxattr = { raw, inode, size in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          let names = try dispatcher.fileSystem.extendedAttributeNames(of: InodeNumber(rawValue: inode))
          request.reply(attribute: names.flatMap { Array($0.utf8) + [0] }, room: size)
        } catch {
          dispatcher.fail(request, "listxattr", error)
        }
      }
    }
    table.setxattr = { raw, inode, name, value, size, flags in
      Dispatcher.perform(raw, "setxattr") { fileSystem, request throws(FileSystemError) in
        let name = try ExtendedAttributeRequests.attributeName(name, orElse: EOPNOTSUPP)
        let bytes = UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size)
        try fileSystem.setExtendedAttribute(
          name, of: InodeNumber(rawValue: inode), value: Array(bytes),
          try ExtendedAttributeRequests.attributeMode(flags), caller: request.caller)
      }
    }
    table.removexattr = { raw, inode, name in
      Dispatcher.perform(raw, "removexattr") { fileSystem, _ throws(FileSystemError) in
        let name = try ExtendedAttributeRequests.attributeName(name, orElse: ENODATA)
        try fileSystem.removeExtendedAttribute(name, of: InodeNumber(rawValue: inode))
      }
    }
  }

  private static func attributeMode(_ flags: CInt) throws(FileSystemError) -> AttributeMode {
    switch flags {
    case 0: .making
    case cfuse_attribute_create: .creating
    case cfuse_attribute_replace: .replacing
    default: throw FileSystemError(EINVAL)
    }
  }

  /// The name of an attribute in `user.`, the only names that the file system is asked about.
  private static func attributeName(
    _ name: UnsafePointer<CChar>?, orElse errno: CInt
  ) throws(FileSystemError) -> String {
    guard let name, let text = String(validatingCString: name) else { throw FileSystemError(errno) }
    // Said so, tools stop trying to copy access lists.
    if text.hasPrefix("system.posix_acl_") { throw FileSystemError(EOPNOTSUPP) }
    guard text.hasPrefix("user.") else { throw FileSystemError(errno) }
    return text
  }
}
