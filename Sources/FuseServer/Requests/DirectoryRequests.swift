import CFuse
import Glibc
import WeightsFS

/// Open folders. Listings are not cached by the kernel: the file system does not say whether they may be.
enum DirectoryRequests {
  static func add(to table: inout fuse_lowlevel_ops) {
    table.opendir = { raw, inode, information in
      Dispatcher.handle(raw) { dispatcher, request in
        guard let information else { return request.reply(errno: EINVAL) }
        do throws(FileSystemError) {
          let handle = try dispatcher.fileSystem.openDirectory(InodeNumber(rawValue: inode))
          information.pointee.fh = handle.rawValue
          if !request.reply(open: information) { dispatcher.fileSystem.releaseDirectory(handle) }
        } catch {
          dispatcher.fail(request, "opendir", error)
        }
      }
    }
    table.readdir = { raw, inode, size, offset, information in
      Dispatcher.handle(raw) {
        DirectoryRequests.list(
          $0, $1, .namesOnly, InodeNumber(rawValue: inode), size: size, offset: offset, information)
      }
    }
    table.readdirplus = { raw, inode, size, offset, information in
      Dispatcher.handle(raw) {
        DirectoryRequests.list(
          $0, $1, .withAttributes, InodeNumber(rawValue: inode), size: size, offset: offset, information)
      }
    }
    table.releasedir = { raw, _, information in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          dispatcher.fileSystem.releaseDirectory(try HandleNumber(of: information))
          request.reply(errno: 0)
        } catch {
          dispatcher.fail(request, "releasedir", error)
        }
      }
    }
  }

  private static func list(
    _ dispatcher: Dispatcher, _ request: consuming Request, _ style: DirectoryAnswer.Style, _ inode: InodeNumber,
    size: Int, offset: off_t, _ information: UnsafePointer<fuse_file_info>?
  ) {
    do throws(FileSystemError) {
      var answer = try DirectoryAnswer(style: style, size: size, fileSystem: dispatcher.fileSystem)
      try answer.fill(from: offset, handle: try HandleNumber(of: information), folder: inode)
      DirectoryAnswer.send(answer, to: request)
    } catch {
      dispatcher.fail(request, "readdir", error)
    }
  }
}
