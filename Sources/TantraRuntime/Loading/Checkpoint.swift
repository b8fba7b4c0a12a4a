import PosixIO
package import Tensors
package import WeightFormats

/// The tensors of a weight file, in memory.
package final class Checkpoint: Sendable {
  /// What keeps the bytes: the file's own pages, or a copy of what is no file.
  private enum Memory: Sendable {
    case mapped(MappedFile)
    case copied([UInt8])
  }

  private let memory: Memory
  private let file: WeightFile
  private let byName: [ByteString: TensorDescriptor]

  private init(_ memory: Memory, _ file: WeightFile) {
    self.memory = memory
    self.file = file
    byName = Dictionary(file.stateDict.tensors.map { (ByteString($0.name), $0) }, uniquingKeysWith: { a, _ in a })
  }

  /// Parses the file at `path` and maps it.
  package static func map(_ path: String) throws -> Checkpoint {
    let opened = try OpenedFile.open(path)
    let parsed = try WeightFormatCatalogue.parse(try FileSource(opened)).file
    let mapped = try MappedFile(opened)
    try mapped.populate()
    return Checkpoint(.mapped(mapped), parsed)
  }

  /// Parses a view that is no file and copies it.
  package static func copy(_ source: any ByteSource) throws -> Checkpoint {
    let parsed = try WeightFormatCatalogue.parse(source).file
    return Checkpoint(.copied(try source.bytes(at: 0, count: source.byteCount, what: "the view")), parsed)
  }

  /// The tensors, in the file's order.
  package var tensors: [TensorDescriptor] { file.stateDict.tensors }

  /// Whether the tensors are the file's own pages.
  package var isMapped: Bool { if case .mapped = memory { true } else { false } }

  /// Calls `body` with the bytes of a tensor, which are valid as long as this object is.
  ///
  /// - Throws: `badData` if there is no such tensor, or it does not lie contiguously in the file.
  func withTensor<R>(
    _ name: String, _ body: (TensorDescriptor, UnsafeRawPointer) throws -> R
  ) throws -> R {
    guard let tensor = byName[ByteString(name)] else { throw RuntimeError(.badData, "\(name): missing") }
    guard file.storages.indices.contains(tensor.storage),
      case .range(let offset, let byteCount) = file.storages[tensor.storage]
    else {
      throw RuntimeError(
        .badData, "\(name): expected a contiguous tensor, found a strided one; tantra import stores it contiguously")
    }
    // The parser has checked this; a mapping of a file that changed since would not survive a mistake.
    let available =
      switch memory {
      case .mapped(let mapped): mapped.byteCount
      case .copied(let bytes): bytes.count
      }
    let start = offset + tensor.byteOffset
    guard start >= 0, tensor.byteCount >= 0, tensor.byteOffset + tensor.byteCount <= byteCount,
      start <= available, tensor.byteCount <= available - start
    else {
      throw RuntimeError(.badData, "\(name): its bytes lie outside of the file, which has changed meanwhile")
    }
    switch memory {
    case .mapped(let mapped):
      guard let base = mapped.bytes.baseAddress else { throw RuntimeError(.badData, "\(name): the file is empty") }
      return try body(tensor, base + start)
    case .copied(let bytes):
      // An array that nobody changes keeps its bytes in one place.
      return try bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { throw RuntimeError(.badData, "\(name): the view is empty") }
        return try body(tensor, base + start)
      }
    }
  }
}
