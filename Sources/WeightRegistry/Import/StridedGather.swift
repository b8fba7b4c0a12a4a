import BlobStore
import PosixIO
import SystemPackage
import Tensors
import WeightFormats

/// Makes contiguous copies of strided tensors: a pack that is itself a valid safetensors file.
struct StridedGather {
  let file: WeightFile
  let fileName: String
  let blobs: BlobStore

  struct Pack {
    var segments: SegmentTable
    /// Parallel to the storages asked for.
    var ranges: [Range<Int>]
    var checksums: [StorageChecksum]
  }

  /// Gathers the given storages of `staged`, durably.
  func pack(_ storages: [Int], of staged: OpenedFile) throws(RegistryError) -> Pack {
    let owners = Dictionary(
      file.stateDict.tensors.map { ($0.storage, $0) }, uniquingKeysWith: { first, _ in first })
    let members = storages.map { index in
      (
        name: owners[index]?.name ?? "", dtype: DType.uint8, shape: Shape([file.stateDict.storageSizes[index]]),
        byteCount: file.stateDict.storageSizes[index]
      )
    }
    let none = StorageChecksum(digest: Table.emptyDigest, crc32: 0)
    let layout = try parsing(
      fileName,
      try SafetensorsFormat().layout(
        of: StateDict(independent: members), checksums: Array(repeating: none, count: members.count)))
    var ranges = [Range<Int>](repeating: 0..<0, count: storages.count)
    var ingest = try blobStore(try blobs.beginIngest())
    for segment in layout.segments {
      switch segment {
      case .literal(let bytes):
        try append(bytes, to: &ingest)
      case .storage(let member, _, let byteCount):
        ranges[member] = ingest.byteCount..<ingest.byteCount + byteCount
        guard case .strided(let source) = file.storages[storages[member]] else { continue }
        try gather(source, from: staged, to: &ingest)
      }
    }
    let hashed: (table: SegmentTable, checksums: [StorageChecksum])
    do throws(BlobStoreError) { hashed = try ingest.hash(storages: ranges) } catch { throw RegistryError(error) }
    do throws(BlobStoreError) { _ = try ingest.commit(hashed.table) } catch { throw RegistryError(error) }
    return Pack(segments: hashed.table, ranges: ranges, checksums: hashed.checksums)
  }

  private func append(_ bytes: [UInt8], to ingest: inout Ingest) throws(RegistryError) {
    do throws(BlobStoreError) { try ingest.append(bytes) } catch { throw RegistryError(error) }
  }

  /// Appends the elements of a strided tensor in row-major order.
  ///
  /// Reads a window of the file at a time: elements of the last axis are close to each other in most transposed tensors,
  /// and the window slides when one is outside.
  private func gather(
    _ source: WeightFile.StridedSource, from staged: OpenedFile, to ingest: inout Ingest
  ) throws(RegistryError) {
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
