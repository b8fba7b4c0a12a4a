import CPosix
import Glibc
import SystemPackage

extension OpenedFile {
  /// Makes `target`, an empty file, share this one's blocks until either is written to (`FICLONE`); false where the file
  /// system cannot.
  package func reflink(to target: OpenedFile) -> Bool {
    tantra_reflink(descriptor.rawValue, target.descriptor.rawValue) == 0
  }

  /// Makes `target`, an empty file, a copy of this one: by reflink where the file system can, else `copy_file_range(2)`,
  /// else by reading and writing.
  ///
  /// - Parameter progress: called with the number of bytes copied so far; what it throws (`EINTR`) ends the copy.
  package func copy(
    to target: OpenedFile, progress: (_ done: Int) throws(PosixError) -> Void
  ) throws(PosixError) {
    let size = try status().size
    if reflink(to: target) {
      try progress(size)
      return
    }
    var done = 0
    var buffer: [UInt8] = []
    while done < size {
      let count: Int
      if buffer.isEmpty, let copied = try copyInKernel(at: done, count: min(16 << 20, size - done), to: target) {
        count = copied
      } else {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 1 << 20) }
        count = try copyChunk(at: done, to: target, through: &buffer)
      }
      if count == 0 { throw PosixError(.ioError, call: "read: the file became shorter", path: path) }
      done += count
      try progress(done)
    }
  }

  /// `copy_file_range(2)`; nil where these two files cannot be copied that way.
  private func copyInKernel(at offset: Int, count: Int, to target: OpenedFile) throws(PosixError) -> Int? {
    do throws(PosixError) {
      return try systemCall("copy_file_range", target.path) {
        tantra_copy_range(descriptor.rawValue, target.descriptor.rawValue, off_t(offset), count)
      }
    } catch  where [EXDEV, EOPNOTSUPP, ENOSYS, EINVAL].contains(error.errno.rawValue) {
      return nil
    }
  }

  private func copyChunk(
    at offset: Int, to target: OpenedFile, through buffer: inout [UInt8]
  ) throws(PosixError) -> Int {
    var failure: PosixError?
    let copied = buffer.withUnsafeMutableBytes { bytes in
      do throws(PosixError) {
        let count = try read(at: offset, into: bytes)
        try target.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
        return count
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return copied
  }
}
