import BlobStore
import PosixIO
import Synchronization
import SystemPackage
import WeightFormats

/// Makes a contiguous copy of a strided tensor of a file.
struct StridedGather {
  /// How many threads copy: each has its own memory, and more of them would wait for the disk.
  private static let threadCount = 2

  let reader: StridedReader
  let source: OpenedFile

  /// Writes the copy into `target`, its first byte at `offset`.
  ///
  /// - Parameter progress: is told of bytes that were copied, and of nothing now and then; false ends the work.
  /// - Throws: `EIO` if the file is too short; `EINTR` if `progress` asked to stop.
  func write(to target: OpenedFile, at offset: Int, progress: @escaping RangeScanner.Progress) throws(PosixError) {
    let tileCount = reader.tileCount
    let state = Mutex(State(tiles: (0..<tileCount).makeIterator()))
    ParallelWork.run(min(Self.threadCount, tileCount, ParallelWork.processorCount)) {
      do throws(PosixError) {
        try reader.copy(
          tiles: { state.withLock { $0.next() } },
          read: { (offset, buffer) throws(PosixError) in try source.fill(buffer, at: offset) },
          write: { (bytes, start) throws(PosixError) in try target.write(bytes, at: offset + start) },
          progress: { (bytes) throws(PosixError) in
            guard progress(bytes) else { throw PosixError(.interrupted, call: "copy", path: source.path) }
          })
      } catch {
        state.withLock { $0.failure = $0.failure ?? error }
      }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  private struct State {
    var tiles: Range<Int>.Iterator
    var failure: PosixError?

    /// The next tile to copy; nil if none is left, or a thread has failed.
    mutating func next() -> Int? { failure == nil ? tiles.next() : nil }
  }
}
