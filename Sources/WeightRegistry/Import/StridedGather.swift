import BlobStore
import PosixIO
import StoreRecords
import SystemPackage
import Tensors
import WeightFormats

/// Makes contiguous copies of strided tensors.
struct StridedGather {
  let blobs: BlobStore

  /// Gathers tensors of `staged` into a file without a name, which lives as long as somebody has it open.
  ///
  /// - Parameter progress: is told of bytes that were copied, and of nothing now and then; false ends the work.
  /// - Returns: parallel to `sources`; nil for tensors without elements.
  func gather(
    _ sources: [WeightFile.StridedSource], of staged: OpenedFile,
    progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(StoreError) -> [StagedStorage?] {
    guard !sources.isEmpty else { return [] }
    let ingest = try blobStore(try blobs.beginIngest())
    let file = ingest.file
    var ranges: [Range<Int>] = []
    var start = 0
    for source in sources {
      let reader: StridedReader
      do throws(FormatError) { reader = try StridedReader(source) } catch {
        throw StoreError(error, file: staged.path)
      }
      try posix(try copy(reader, from: staged, to: file, at: start, progress))
      let end = start + reader.byteCount
      ranges.append(start..<end)
      start = end
    }
    let bytes = try posix(try LocalBytes(file))
    let checksums = try posix(try RangeScanner(file, progress: progress).checksums(of: ranges))
    return zip(ranges, checksums).map { range, checksum in
      range.isEmpty ? nil : StagedStorage(bytes: bytes, range: range, checksum: checksum, isInFile: false)
    }
  }

  private func copy(
    _ reader: StridedReader, from staged: OpenedFile, to file: OpenedFile, at start: Int,
    _ progress: RangeScanner.Progress
  ) throws(PosixError) {
    try reader.copy(
      read: { (offset, buffer) throws(PosixError) in
        guard try staged.read(at: offset, into: buffer) == buffer.count else {
          throw PosixError(.ioError, call: "pread: the file is too short", path: staged.path)
        }
      },
      write: { (bytes, offset) throws(PosixError) in try file.write(bytes, at: start + offset) },
      progress: { (bytes) throws(PosixError) in
        guard progress(bytes) else { throw PosixError(.interrupted, call: "copy", path: staged.path) }
      })
  }
}
