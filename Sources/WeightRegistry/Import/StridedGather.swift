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
  /// - Returns: parallel to `sources`; nil for tensors without elements.
  func gather(
    _ sources: [WeightFile.StridedSource], of staged: OpenedFile
  ) throws(StoreError) -> [StagedStorage?] {
    guard !sources.isEmpty else { return [] }
    var ingest = try blobStore(try blobs.beginIngest())
    var ranges: [Range<Int>] = []
    for source in sources {
      let start = ingest.byteCount
      try gather(source, from: staged, to: &ingest)
      ranges.append(start..<ingest.byteCount)
    }
    let file = ingest.file
    let bytes = try posix(try LocalBytes(file))
    let checksums = try posix(try RangeScanner(file).checksums(of: ranges))
    return zip(ranges, checksums).map { range, checksum in
      range.isEmpty ? nil : StagedStorage(bytes: bytes, range: range, checksum: checksum, isInFile: false)
    }
  }

  private func append(_ bytes: [UInt8], to ingest: inout Ingest) throws(StoreError) {
    do throws(BlobStoreError) { try ingest.append(bytes) } catch { throw StoreError(error) }
  }

  /// Appends the elements of a strided tensor in row-major order.
  ///
  /// Reads a window of the file at a time: elements of the last axis are close to each other in most transposed tensors,
  /// and the window slides when one is outside.
  private func gather(
    _ source: WeightFile.StridedSource, from staged: OpenedFile, to ingest: inout Ingest
  ) throws(StoreError) {
    let width = source.elementByteCount
    let axes = source.dimensions.count
    guard !source.dimensions.contains(0) else { return }
    var position = [Int](repeating: 0, count: axes)
    var window = Window(file: staged)
    var output: [UInt8] = []
    var remaining = source.dimensions.reduce(1, *)
    var offset = source.offset
    while remaining > 0 {
      let start = try posix(try window.cover(offset..<offset + width))
      output.append(contentsOf: window.bytes[start..<start + width])
      if output.count >= 1 << 20 {
        try append(output, to: &ingest)
        output.removeAll(keepingCapacity: true)
      }
      remaining -= 1
      var axis = axes - 1
      while axis >= 0 {
        position[axis] += 1
        offset += source.strides[axis] * width
        if position[axis] < source.dimensions[axis] { break }
        offset -= source.strides[axis] * width * source.dimensions[axis]
        position[axis] = 0
        axis -= 1
      }
    }
    try append(output, to: &ingest)
  }

  /// A part of a file in memory.
  private struct Window {
    private static let byteCount = 4 << 20
    let file: OpenedFile
    var offset = 0
    var bytes: [UInt8] = []

    init(file: OpenedFile) { self.file = file }

    /// Makes `range` part of the window, and tells where it begins there.
    mutating func cover(_ range: Range<Int>) throws(PosixError) -> Int {
      if range.lowerBound >= offset, range.upperBound <= offset + bytes.count { return range.lowerBound - offset }
      // Half of the window lies before the range: strides walk both ways over a tensor.
      offset = max(0, range.lowerBound - Self.byteCount / 2)
      var failure: PosixError?
      bytes = [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
        do throws(PosixError) {
          count = try file.read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      guard range.upperBound <= offset + bytes.count else {
        throw PosixError(.ioError, call: "pread: the file is too short", path: file.path)
      }
      return range.lowerBound - offset
    }
  }
}
