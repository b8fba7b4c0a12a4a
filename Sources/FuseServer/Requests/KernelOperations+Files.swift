import CFuse
import Glibc
import WeightsFS

extension KernelOperations {
  /// Open files.
  static func addFiles(to table: inout fuse_lowlevel_ops) {
    table.open = { raw, inode, information in
      Dispatcher.handle(raw) { KernelOperations.open($0, $1, inode: InodeNumber(rawValue: inode), information) }
    }
    table.read = { raw, _, size, offset, information in
      Dispatcher.handle(raw) { KernelOperations.read($0, $1, size: size, offset: offset, information) }
    }
    table.write = { raw, _, buffer, size, offset, information in
      Dispatcher.handle(raw) { KernelOperations.write($0, $1, buffer, size: size, offset: offset, information) }
    }
    table.flush = { raw, _, information in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          try dispatcher.fileSystem.flush(
            try KernelOperations.handle(of: information), isInterrupted: request.interruption)
          request.reply(errno: 0)
        } catch {
          dispatcher.fail(request, "close", error)
        }
      }
    }
    table.release = { raw, _, information in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          dispatcher.fileSystem.release(try KernelOperations.handle(of: information))
          request.reply(errno: 0)
        } catch {
          dispatcher.fail(request, "release", error)
        }
      }
    }
  }

  /// The handle that a request on an open file or folder names.
  static func handle(of information: UnsafePointer<fuse_file_info>?) throws(FileSystemError) -> HandleNumber {
    guard let information else { throw FileSystemError(EBADF) }
    return HandleNumber(rawValue: information.pointee.fh)
  }

  private static func open(
    _ dispatcher: Dispatcher, _ request: consuming Request, inode: InodeNumber,
    _ information: UnsafeMutablePointer<fuse_file_info>?
  ) {
    guard let information else { return request.reply(errno: EINVAL) }
    let flags = information.pointee.flags
    let mode = flags & O_ACCMODE
    let access = OpenAccess(
      reads: mode != O_WRONLY, writes: mode != O_RDONLY, truncates: flags & O_TRUNC != 0, caller: request.caller)
    do throws(FileSystemError) {
      let file = try dispatcher.fileSystem.open(inode, access)
      information.pointee.fh = file.handle.rawValue
      switch file.caching {
      case .immutable: information.pointee.keep_cache = 1
      case .none: information.pointee.direct_io = 1
      case .staging: break
      }
      // Who only read has nothing to learn from close(2).
      if !access.writes { information.pointee.noflush = 1 }
      if !request.reply(open: information) { dispatcher.fileSystem.release(file.handle) }
    } catch {
      dispatcher.fail(request, "open", error)
    }
  }

  private static func read(
    _ dispatcher: Dispatcher, _ request: consuming Request, size: Int, offset: off_t,
    _ information: UnsafePointer<fuse_file_info>?
  ) {
    do throws(FileSystemError) {
      guard offset >= 0, size >= 0 else { throw FileSystemError(EINVAL) }
      let pieces = try dispatcher.fileSystem.read(
        try KernelOperations.handle(of: information), offset: Int(offset), count: size)
      let answer = try ReadAnswer(pieces, limit: size)
      answer.send(to: request)
    } catch {
      dispatcher.fail(request, "read", error)
    }
  }

  private static func write(
    _ dispatcher: Dispatcher, _ request: consuming Request, _ buffer: UnsafePointer<CChar>?, size: Int, offset: off_t,
    _ information: UnsafePointer<fuse_file_info>?
  ) {
    do throws(FileSystemError) {
      guard offset >= 0, size >= 0, size == 0 || buffer != nil else { throw FileSystemError(EINVAL) }
      let taken = try dispatcher.fileSystem.write(
        try KernelOperations.handle(of: information), offset: Int(offset),
        bytes: UnsafeRawBufferPointer(start: buffer, count: size),
        caller: request.caller, isInterrupted: request.interruption)
      guard (0...size).contains(taken) else { throw FileSystemError(EIO, "\(taken) of \(size) bytes taken") }
      request.reply(written: taken)
    } catch {
      dispatcher.fail(request, "write", error)
    }
  }
}
