import CFuse
import Glibc
import PosixIO
import WeightRegistry
import WeightsFS

/// Open files.
enum FileRequests {
  static func add(to table: inout fuse_lowlevel_ops) {
    table.open = { raw, inode, information in
      Dispatcher.handle(raw) { FileRequests.open($0, $1, inode: InodeNumber(rawValue: inode), information) }
    }
    table.read = { raw, _, size, offset, information in
      Dispatcher.handle(raw) { FileRequests.read($0, $1, size: size, offset: offset, information) }
    }
    table.write = { raw, _, buffer, size, offset, information in
      Dispatcher.handle(raw) { FileRequests.write($0, $1, buffer, size: size, offset: offset, information) }
    }
    table.flush = { raw, _, information in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          try dispatcher.fileSystem.flush(try HandleNumber(of: information), isInterrupted: request.interruption)
          // Whoever closes a file may tell others that it is there.
          dispatcher.notifier.settle()
          request.reply(errno: 0)
        } catch {
          dispatcher.fail(request, "close", error)
        }
      }
    }
    table.fsync = { raw, _, _, information in
      Dispatcher.perform(raw, "fsync") { fileSystem, request throws(FileSystemError) in
        try fileSystem.synchronize(try HandleNumber(of: information), isInterrupted: request.interruption)
      }
    }
    table.fallocate = { raw, _, mode, offset, length, information in
      Dispatcher.perform(raw, "fallocate") { fileSystem, request throws(FileSystemError) in
        guard offset >= 0, length > 0 else { throw FileSystemError(EINVAL) }
        // Holes are punched into files that are done, and none of those can be written.
        guard mode & ~cfuse_allocate_keep_size == 0 else { throw FileSystemError(EOPNOTSUPP) }
        try fileSystem.allocate(
          try HandleNumber(of: information), offset: Int(offset), count: Int(length),
          keepsSize: mode & cfuse_allocate_keep_size != 0, isInterrupted: request.interruption)
      }
    }
    table.copy_file_range = { raw, _, offset, source, _, targetOffset, target, count, flags in
      Dispatcher.handle(raw) { dispatcher, request in
        do throws(FileSystemError) {
          guard offset >= 0, targetOffset >= 0, flags == 0 else { throw FileSystemError(EINVAL) }
          let taken = try dispatcher.fileSystem.copyRange(
            from: try HandleNumber(of: source), offset: Int(offset),
            to: try HandleNumber(of: target), offset: Int(targetOffset), count: count)
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
          dispatcher.release(try HandleNumber(of: information))
          request.reply(errno: 0)
        } catch {
          dispatcher.fail(request, "release", error)
        }
      }
    }
  }

  private static func open(
    _ dispatcher: Dispatcher, _ request: consuming Request, inode: InodeNumber,
    _ information: UnsafeMutablePointer<fuse_file_info>?
  ) {
    guard let information else { return request.reply(errno: EINVAL) }
    let access = OpenAccess(flags: information.pointee.flags, caller: request.caller)
    do throws(FileSystemError) {
      let file = try dispatcher.fileSystem.open(inode, access)
      information.pointee.describe(file, writes: access.writes)
      let isAccepted =
        if let id = dispatcher.backing(of: file, inode) {
          request.reply(open: information, backing: id)
        } else {
          request.reply(open: information)
        }
      if !isAccepted { dispatcher.release(file.handle) }
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
      let stretches = try dispatcher.fileSystem.read(
        try HandleNumber(of: information), offset: Int(offset), count: size)
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
        try HandleNumber(of: information), offset: Int(offset),
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
