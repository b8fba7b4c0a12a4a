import CFuse
import Glibc
import PosixIO
import WeightRegistry
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
          // Whoever closes a file may tell others that it is there.
          dispatcher.notifier.settle()
          request.reply(errno: 0)
        } catch {
          dispatcher.fail(request, "close", error)
        }
      }
    }
    table.fsync = { raw, _, _, information in
      KernelOperations.perform(raw, "fsync") { fileSystem, request throws(FileSystemError) in
        try fileSystem.synchronize(
          try KernelOperations.handle(of: information), isInterrupted: request.interruption)
      }
    }
    table.fallocate = { raw, _, mode, offset, length, information in
      KernelOperations.perform(raw, "fallocate") { fileSystem, request throws(FileSystemError) in
        guard offset >= 0, length > 0 else { throw FileSystemError(EINVAL) }
        // Holes are punched into files that are done, and none of those can be written.
        guard mode & ~cfuse_allocate_keep_size == 0 else { throw FileSystemError(EOPNOTSUPP) }
        try fileSystem.allocate(
          try KernelOperations.handle(of: information), offset: Int(offset), count: Int(length),
          keepsSize: mode & cfuse_allocate_keep_size != 0, isInterrupted: request.interruption)
      }
    }
    table.copy_file_range = { raw, _, offset, source, _, targetOffset, target, count, flags in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          guard offset >= 0, targetOffset >= 0, flags == 0 else { throw FileSystemError(EINVAL) }
          let taken = try dispatcher.fileSystem.copyRange(
            from: try KernelOperations.handle(of: source), offset: Int(offset),
            to: try KernelOperations.handle(of: target), offset: Int(targetOffset), count: count)
          guard (0...max(0, count)).contains(taken) else {
            throw FileSystemError(EIO, "\(taken) of \(count) bytes copied")
          }
          request.reply(written: taken)
        } catch {
          dispatcher.fail(request, "copy_file_range", error)
        }
      }
    }
    table.release = { raw, _, information in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          KernelOperations.release(dispatcher, try KernelOperations.handle(of: information))
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

  /// What the flags of open(2) ask for.
  static func access(_ flags: CInt, caller: Caller) -> OpenAccess {
    let mode = flags & O_ACCMODE
    return OpenAccess(
      reads: mode != O_WRONLY, writes: mode != O_RDONLY, truncates: flags & O_TRUNC != 0, caller: caller)
  }

  /// Tells the kernel how to treat an open file.
  static func describe(_ file: OpenFile, writes: Bool, in information: inout fuse_file_info) {
    information.fh = file.handle.rawValue
    switch file.caching {
    case .immutable, .sharedAlready: information.keep_cache = 1
    case .none: information.direct_io = 1
    case .staging, .shared: break
    }
    // Who only read has nothing to learn from close(2).
    if !writes { information.noflush = 1 }
  }

  private static func open(
    _ dispatcher: Dispatcher, _ request: consuming Request, inode: InodeNumber,
    _ information: UnsafeMutablePointer<fuse_file_info>?
  ) {
    guard let information else { return request.reply(errno: EINVAL) }
    let access = access(information.pointee.flags, caller: request.caller)
    do throws(FileSystemError) {
      let file = try dispatcher.fileSystem.open(inode, access)
      describe(file, writes: access.writes, in: &information.pointee)
      let isAccepted =
        if let id = backing(of: file, inode, dispatcher) {
          request.reply(open: information, backing: id)
        } else {
          request.reply(open: information)
        }
      if !isAccepted { release(dispatcher, file.handle) }
    } catch {
      dispatcher.fail(request, "open", error)
    }
  }

  /// The number of the file that the kernel reads and writes instead of an open one; nil if this process serves it.
  static func backing(of file: OpenFile, _ inode: InodeNumber, _ dispatcher: Dispatcher) -> CInt? {
    file.caching == .none ? nil : dispatcher.passthrough.begin(file.handle, of: inode, backing: file.backing)
  }

  static func release(_ dispatcher: Dispatcher, _ handle: HandleNumber) {
    dispatcher.passthrough.end(handle)
    dispatcher.fileSystem.release(handle)
  }

  private static func read(
    _ dispatcher: Dispatcher, _ request: consuming Request, size: Int, offset: off_t,
    _ information: UnsafePointer<fuse_file_info>?
  ) {
    do throws(FileSystemError) {
      guard offset >= 0, size >= 0 else { throw FileSystemError(EINVAL) }
      let stretches = try dispatcher.fileSystem.read(
        try KernelOperations.handle(of: information), offset: Int(offset), count: size)
      if stretches.allSatisfy(\.isAtHand) { return answer(dispatcher, request, stretches, size: size) }
      // Whoever takes libfuse's request has to answer it, on whatever thread.
      nonisolated(unsafe) let raw = request.take()
      dispatcher.patientReads.run { answer(dispatcher, Request(raw), stretches, size: size) }
    } catch {
      dispatcher.fail(request, "read", error)
    }
  }

  private static func answer(
    _ dispatcher: Dispatcher, _ request: consuming Request, _ stretches: [Stretch], size: Int
  ) {
    let (isInterrupted, reads) = (request.interruption, dispatcher.patientReads)
    do throws(FileSystemError) {
      let interruption = Interruption { isInterrupted() || reads.isStopping }
      let answer = try ReadAnswer(stretches, limit: size, unless: interruption)
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
      // A request to a control file may have changed the tree.
      dispatcher.notifier.settle()
      request.reply(written: taken)
    } catch {
      dispatcher.fail(request, "write", error)
    }
  }
}
