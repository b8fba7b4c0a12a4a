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
      offset: 257, bytes: Array("ustar".utf8), kind: "a tar archive (torch before 0.1.10 wrote such; it cannot be read)"
    ),
    Mark(bytes: [0x1F, 0x8B], kind: "gzip data; decompress it first"),
    Mark(bytes: [0x28, 0xB5, 0x2F, 0xFD], kind: "zstd data; decompress it first"),
    Mark(bytes: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], kind: "xz data; decompress it first"),
    Mark(bytes: Array("BZh".utf8), kind: "bzip2 data; decompress it first"),
    Mark(bytes: [0x37, 0x7A, 0xBC, 0xAF], kind: "a 7z archive"),
    Mark(bytes: [0x93] + Array("NUMPY".utf8), kind: "a numpy array"),
    Mark(bytes: [0x89] + Array("HDF".utf8), kind: "an HDF5 file (Keras)"),
    Mark(bytes: Array("GGUF".utf8), kind: "a GGUF file"),
    Mark(bytes: Array("version https://git-lfs".utf8), kind: "a Git LFS pointer: the weights were not downloaded"),
    Mark(bytes: Array("<!DOCTYPE".utf8), kind: "a web page: the download went wrong"),
    Mark(bytes: Array("<html".utf8), kind: "a web page: the download went wrong"),
    Mark(offset: 4, bytes: Array("TFL3".utf8), kind: "a TensorFlow Lite model"),
  ]

  /// What the file seems to be; nil if its beginning says nothing.
  static func kind(of source: any ByteSource) throws(FormatError) -> String? {
    let head = try source.bytes(at: 0, count: min(512, source.byteCount), what: "the file's beginning")
    for mark in marks where head.dropFirst(mark.offset).starts(with: mark.bytes) { return mark.kind }
    if head.count > 2, head[0] == 0x80, head[1] <= 5 {
      return "a pickle that torch.save did not write; only torch's own state dicts are read"
    }
    return nil
  }
}
