import CPosix
import Glibc
import SystemPackage

extension OpenedFile {
  /// Copies `count` bytes at `offset` to `targetOffset` of `target`: inside the kernel where it can (which shares blocks where
  /// the file system can), else by reading and writing 1 MiB at a time. What was never written here is not written there either, if
  /// the target ends before it.
  ///
  /// - Parameter progress: told of the bytes copied since its last call; what it throws (`EINTR`) ends the copy.
  /// - Throws: `EIO` if this file has fewer bytes.
  package func copyRange(
    at offset: Int, count: Int, to target: OpenedFile, at targetOffset: Int,
    progress: (_ bytes: Int) throws(PosixError) -> Void
  ) throws(PosixError) {
    var done = 0
    var buffer: [UInt8] = []
    let keepsHoles = try target.status().size <= targetOffset
    while done < count {
      let rest = count - done
      let stretch = keepsHoles ? try stretch(at: offset + done, upTo: rest) : (isHole: false, byteCount: rest)
      if stretch.isHole {
        done += stretch.byteCount
        if done == count { try target.truncate(to: targetOffset + count) }
        try progress(stretch.byteCount)
        continue
      }
      var copied = 0
      if buffer.isEmpty {
        copied = try copyInKernel(
          at: offset + done, count: min(16 << 20, stretch.byteCount), to: target, at: targetOffset + done)
      }
      // Zero means that the kernel cannot, or that the file has ended: reading tells which.
      if copied == 0 {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: min(1 << 20, count - done)) }
        let wanted = min(buffer.count, stretch.byteCount)
        copied = try buffer.withMutableBytes { (bytes) throws(PosixError) in
          let read = try read(at: offset + done, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]))
          try target.write(UnsafeRawBufferPointer(rebasing: bytes[..<read]), at: targetOffset + done)
          return read
        }
      }
      guard copied > 0 else { throw PosixError(.ioError, call: "read: the file is too short", path: path) }
      done += copied
      try progress(copied)
    }
  }

  /// Whether the bytes from `offset` on were never written, and for how many that is so, at most `limit`. Where the file system does not
  /// tell, all were.
  private func stretch(at offset: Int, upTo limit: Int) throws(PosixError) -> (isHole: Bool, byteCount: Int) {
    // SEEK_DATA and SEEK_HOLE, which only _GNU_SOURCE shows.
    let data = lseek(descriptor.rawValue, off_t(offset), 3)
    if data > offset { return (true, min(Int(data) - offset, limit)) }
    // ENXIO: no data from there on.
    if data < 0 {
      let isEnd = errno == ENXIO
      return (try status().size - offset >= limit && isEnd, limit)
    }
    let hole = lseek(descriptor.rawValue, off_t(offset), 4)
    return (false, hole > offset ? min(Int(hole) - offset, limit) : limit)
  }

  /// One `copy_file_range(2)`; 0 where these two files cannot be copied that way.
  private func copyInKernel(
    at offset: Int, count: Int, to target: OpenedFile, at targetOffset: Int
  ) throws(PosixError) -> Int {
    do throws(PosixError) {
      return try durableCall("copy_file_range", target.path) {
        tantra_copy_range(
          descriptor.rawValue, off_t(offset), target.descriptor.rawValue, off_t(targetOffset), count)
      }
    } catch  where [EXDEV, EOPNOTSUPP, ENOSYS, EINVAL].contains(error.errno.rawValue) {
      return 0
    }
  }

  /// Sets the time of the last change, in nanoseconds since 1970.
  package func setModified(_ nanoseconds: Int64) throws(PosixError) {
    let (seconds, rest) = UnixTime.parts(of: nanoseconds)
    let time = timespec(tv_sec: seconds, tv_nsec: rest)
    let times = [time, time]
    try durableCall("futimens", path) { futimens(descriptor.rawValue, times) }
  }
}
