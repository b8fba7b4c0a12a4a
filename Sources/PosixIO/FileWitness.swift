import CPosix
import Glibc
import SystemPackage

/// What a file was like before somebody read it, to tell afterwards whether what was read is what it holds.
package struct FileWitness: Sendable {
  private let file: OpenedFile
  private let status: FileStatus

  /// - Parameter isShared: whether others may have the file open for writing, or mapped. Then each later write gives a later
  ///   time of change: the clock has gone on, and a store into a mapping counts, since all pages are made clean first.
  package init(_ file: OpenedFile, isShared: Bool) throws(PosixError) {
    self.file = file
    var status = try file.status()
    if isShared {
      while Self.tickingClock() <= status.modified {
        usleep(500)
        status = try file.status()
      }
      try systemCall("sync_file_range", file.path) { tantra_start_writing(file.descriptor.rawValue) }
    }
    self.status = status
  }

  /// The clock that times of change are taken from where they are coarse, in nanoseconds since 1970.
  private static func tickingClock() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }

  /// - Throws: `EBUSY` if somebody has written to the file meanwhile.
  package func requireUnchanged() throws(PosixError) {
    let now = try file.status()
    guard (now.size, now.modified) == (status.size, status.modified) else {
      throw PosixError(.resourceBusy, call: "somebody still writes to it", path: file.path)
    }
  }
}
