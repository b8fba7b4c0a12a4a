/// Guesses what a file is that no format claims, so that the refusal helps.
enum ForeignFile {
  /// A kind of file, by the bytes at some offset.
  private struct Mark {
    var offset = 0
    var bytes: [UInt8]
    var kind: String
  }

  private static let marks: [Mark] = [
    Mark(
      offset: 257, bytes: Array("ustar".utf8),
      kind: "a tar archive; unpack it (torch before 0.1.10 wrote such, which a torch of that time converts)"),
    Mark(bytes: [0x1F, 0x8B], kind: "gzip data; decompress it first"),
    Mark(bytes: [0x28, 0xB5, 0x2F, 0xFD], kind: "zstd data; decompress it first"),
    Mark(bytes: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], kind: "xz data; decompress it first"),
    Mark(bytes: Array("BZh".utf8), kind: "bzip2 data; decompress it first"),
    Mark(bytes: [0x04, 0x22, 0x4D, 0x18], kind: "LZ4 data; decompress it first"),
    Mark(bytes: [0x37, 0x7A, 0xBC, 0xAF], kind: "a 7z archive; unpack it first"),
    Mark(
      bytes: [0x93] + Array("NUMPY".utf8), kind: "a numpy array; put arrays into a dict and save that with torch.save"),
    Mark(
      bytes: OpaqueFormat.hdf5Mark,
      kind: "an HDF5 file (Keras); load it in Keras and save its weights as safetensors"),
    Mark(
      bytes: Array("version https://git-lfs".utf8),
      kind: "a Git LFS pointer: the weights were not downloaded; git lfs pull brings them"),
    Mark(bytes: Array("<!DOCTYPE".utf8), kind: "a web page: the download went wrong"),
    Mark(bytes: Array("<html".utf8), kind: "a web page: the download went wrong"),
    Mark(
      offset: 4, bytes: Array("TFL3".utf8),
      kind: "a TensorFlow Lite model: a program with weights; take the weights of the model that it was made from"),
    Mark(bytes: Array("ggml".utf8), kind: "a ggml file; convert it to GGUF, or start from the original weights"),
  ]

  /// What the file seems to be; nil if its beginning says nothing.
  static func kind(of source: any ByteSource) throws(FormatError) -> String? {
    let head = try source.bytes(at: 0, count: min(512, source.byteCount), what: "the file's beginning")
    for mark in marks where head.dropFirst(mark.offset).starts(with: mark.bytes) { return mark.kind }
    if isONNX(head) {
      return "an ONNX model: a program with weights; take the state dict that it was exported from"
    }
    if isMessagePack(head) {
      return "a msgpack file (Flax); load it in Flax and save its weights as safetensors"
    }
    if head.count > 2, head[0] == 0x80, head[1] <= 5 {
      return "a pickle that torch.save did not write; only torch's own state dicts are read"
    }
    return nil
  }

  /// Whether the file's beginning is missing: it is empty, or zeros stand where something will be written.
  static func isUnwritten(_ head: [UInt8]) -> Bool { head.allSatisfy { $0 == 0 } }

  /// A protocol buffer whose first field is ONNX's `ir_version`, a small number, and whose next is a text: the producer's name,
  /// or a domain or a graph.
  static func isONNX(_ head: [UInt8]) -> Bool {
    guard head.count > 8, head[0] == 0x08, (1...20).contains(head[1]) else { return false }
    return [0x12, 0x1A, 0x22, 0x3A, 0x42].contains(head[2])
  }

  /// A map of a few entries whose first key is a text, as Flax writes them.
  static func isMessagePack(_ head: [UInt8]) -> Bool {
    guard head.count > 4 else { return false }
    let key: Int
    switch head[0] {
    case 0x81...0x8F: key = 1
    case 0xDE: key = 3
    default: return false
    }
    guard (0xA1...0xBF).contains(head[key]) else { return false }
    let text = head.dropFirst(key + 1).prefix(Int(head[key] & 0x1F))
    return text.count == Int(head[key] & 0x1F) && text.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
  }
}
