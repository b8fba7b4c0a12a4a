/// A format of weights, or of whole models, that is kept as it is and not read: a file of it is a weight file without tensors that
/// anybody here knows. The one place that says which these are.
package enum OpaqueFormat: String, Sendable, CaseIterable {
  case gguf, hdf5, msgpack, onnx
  case torchScript = "torchscript"

  /// File extensions, without the dot, under which files of the format are recognized.
  var fileExtensions: [String] {
    switch self {
    case .gguf: ["gguf"]
    case .hdf5: ["h5", "hdf5", "keras"]
    case .msgpack: ["msgpack"]
    case .onnx: ["onnx"]
    case .torchScript: ["pt", "pth", "ptl"]
    }
  }

  /// Extensions of all of them.
  package static let fileExtensions = Set(allCases.flatMap(\.fileExtensions))

  /// The format of a file; nil if it is of none.
  ///
  /// - Parameter name: its name, whose extension says what it may be.
  package static func format(of source: any ByteSource, named name: String) throws(FormatError) -> Self? {
    let fileExtension = String(name.split(separator: ".").last ?? "")
    for format in allCases where format.fileExtensions.contains(fileExtension) {
      if try format.recognizes(source) { return format }
    }
    return nil
  }

  /// Whether a file begins as those of the format do.
  private func recognizes(_ source: any ByteSource) throws(FormatError) -> Bool {
    let head = try source.bytes(at: 0, count: min(64, source.byteCount), what: "the file's beginning")
    return switch self {
    case .gguf: try Self.isUnreadGGUF(source, head)
    case .hdf5: head.starts(with: Self.hdf5Mark)
    case .msgpack: ForeignFile.isMessagePack(head)
    case .onnx: ForeignFile.isONNX(head)
    case .torchScript: try Self.isTorchScript(source, head)
    }
  }

  static let hdf5Mark = [0x89] + Array("HDF".utf8)

  /// Whether a GGUF file is right as far as its header tells, and no state dict: some of its tensors are quantized, or it has none.
  private static func isUnreadGGUF(_ source: any ByteSource, _ head: [UInt8]) throws(FormatError)
    -> Bool
  {
    guard GGUFHeader.recognizes(head) else { return false }
    do throws(FormatError) {
      return try !GGUFHeader(source).isStateDict
    } catch {
      // What is wrong with it is said by whoever reads it as a state dict.
      if error.code == .unreadable { throw error }
      return false
    }
  }

  private static func isTorchScript(_ source: any ByteSource, _ head: [UInt8]) throws(FormatError)
    -> Bool
  {
    guard head.starts(with: [0x50, 0x4B, 0x03, 0x04]) else { return false }
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    var isScript = false
    do throws(FormatError) {
      _ = try ZipReader(source, budget: &budget) { (names) throws(FormatError) in
        isScript = TorchArchive.isTorchScript(names)
      }
    } catch {
      // An archive that is a program need not be one that is read here.
      if error.code == .unreadable { throw error }
    }
    return isScript
  }
}
