import BlobStore
package import PosixIO
package import StoreRecords
import SystemPackage
import Tensors
import WeightFormats

/// The state dict of a torch file that is not served as a whole, for loading it could run code: the file that `torch.save` writes
/// of the state dict alone.
package struct StateDictAlone: Sendable {
  /// What of the file stays behind, a line each.
  package var dropped: [String] { file.extras }
  /// Bytes of the file that is written.
  package let byteCount: Int

  let file: WeightFile
  private let source: OpenedFile
  static let format = TorchZipFormat()

  /// Reads and writes bytes of the file that is being made.
  package struct Target: Sendable {
    package typealias Read =
      @Sendable (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(PosixError) -> Void
    package typealias Write = @Sendable (_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(PosixError) -> Void

    let read: Read
    let write: Write

    package init(read: @escaping Read, write: @escaping Write) {
      self.read = read
      self.write = write
    }

    package init(_ file: OpenedFile) {
      read = { (offset, buffer) throws(PosixError) in try file.fill(buffer, at: offset) }
      write = { (bytes, offset) throws(PosixError) in try file.write(bytes, at: offset) }
    }
  }

  /// Looks into the file at `path`.
  ///
  /// - Returns: nil if the file can be served as it is.
  /// - Throws: `unacceptable` if its state dict cannot be had either.
  package init?(of path: String) throws(StoreError) {
    source = try posix(try OpenedFile.open(path))
    let bytes = try posix(try FileSource(source))
    do throws(FormatError) {
      _ = try WeightFormatCatalogue.parse(bytes)
      return nil
    } catch {
      // What is wrong with the whole need not be wrong with the state dict.
    }
    file = try parsing(path, try WeightFormatCatalogue.parseStateDict(bytes).file)
    byteCount = try parsing(path, try Self.format.byteCount(of: file.stateDict))
  }

  /// Writes the file. Storages come first, each at its place; what lies between them tells their checksums.
  ///
  /// - Parameter progress: told of bytes that were read or written; answers whether to go on.
  package func write(
    to target: Target, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) {
    let draft = try parsing(source.path, try Self.layout(of: file.stateDict, nil))
    var places = [Range<Int>](repeating: 0..<0, count: file.storages.count)
    var position = 0
    for segment in draft.segments {
      if case .storage(let index, _, let count) = segment { places[index] = position..<position + count }
      position += segment.byteCount
    }
    for (storage, place) in zip(file.storages, places) {
      let reader: StridedReader
      switch storage {
      case .range(let offset, let count):
        reader = try parsing(
          source.path, try StridedReader(.init(offset: offset, elementByteCount: 1, dimensions: [count], strides: [1])))
      case .strided(let strided): reader = try parsing(source.path, try StridedReader(strided))
      }
      try posix(try copy(reader, to: target, at: place.lowerBound, progress))
    }
    let scanner = RangeScanner(progress: progress) { [target] (_, offset, buffer) throws(PosixError) in
      try target.read(offset, buffer)
    }
    let checksums = try posix(try scanner.checksums(of: places))
    for (index, checksum) in checksums.enumerated() {
      if case .range = file.storages[index] { try file.compare(checksum, with: index, source.path) }
    }
    try file.compareRecords(with: source, source.path, progress)
    let layout = try parsing(source.path, try Self.layout(of: file.stateDict, checksums))
    position = 0
    for segment in layout.segments {
      if case .literal(let bytes) = segment { try posix(try Self.write(Array(bytes), to: target, at: position)) }
      position += segment.byteCount
    }
  }

  /// - Parameter checksums: nil for a draft of the same places and sizes.
  static func layout(
    of stateDict: StateDict, _ checksums: [StorageChecksum]?
  ) throws(FormatError) -> FileLayout {
    let none = StorageChecksum(digest: Table.emptyDigest, crc32: 0)
    return try format.layout(
      of: stateDict, checksums: checksums ?? Array(repeating: none, count: stateDict.storageSizes.count))
  }

  private func copy(
    _ reader: StridedReader, to target: Target, at start: Int, _ progress: (_ bytes: Int) -> Bool
  ) throws(PosixError) {
    try reader.copy(
      read: { (offset, buffer) throws(PosixError) in try source.fill(buffer, at: offset) },
      write: { (bytes, offset) throws(PosixError) in try target.write(bytes, start + offset) },
      progress: { (bytes) throws(PosixError) in
        guard progress(bytes) else { throw PosixError(.interrupted, call: "copy", path: source.path) }
      })
  }

  private static func write(_ bytes: [UInt8], to target: Target, at offset: Int) throws(PosixError) {
    try bytes.withBytes { (buffer) throws(PosixError) in try target.write(buffer, offset) }
  }
}
