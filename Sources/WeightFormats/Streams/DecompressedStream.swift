import CDecompress

/// What decompressing a stream yields. Where the compressed data is damaged, the stream ends.
struct DecompressedStream: ByteStream {
  /// How the data is compressed.
  enum Kind {
    case gzip, deflate, bzip2, xz, lzma

    fileprivate var number: tantra_compression {
      switch self {
      case .gzip: TANTRA_GZIP
      case .deflate: TANTRA_DEFLATE
      case .bzip2: TANTRA_BZIP2
      case .xz: TANTRA_XZ
      case .lzma: TANTRA_LZMA
      }
    }
  }

  /// The decoder, freed with the last stream that has it.
  private final class Decoder {
    let state: OpaquePointer

    init?(_ kind: Kind) {
      guard let state = tantra_decompressor_open(kind.number) else { return nil }
      self.state = state
    }

    deinit { tantra_decompressor_close(state) }
  }

  private static let chunk = 64 << 10
  /// Bytes that are decompressed at most, so that a small file cannot keep its reader busy.
  private static let byteLimit = 1 << 30

  private var byteCount = 0
  private var source: any ByteStream
  private let decoder: Decoder
  /// Whether another member may follow the first.
  private let hasMembers: Bool
  private var input: [UInt8] = []
  private var isAtEnd = false

  /// - Throws: `unreadable` if there is no memory for the decoder.
  init(_ source: any ByteStream, _ kind: Kind) throws(FormatError) {
    guard let decoder = Decoder(kind) else { throw FormatError(.unreadable, "no memory to decompress the file") }
    self.source = source
    self.decoder = decoder
    hasMembers = kind != .deflate
  }

  var fileOffset: Int? { nil }

  mutating func next(_ limit: Int) throws(FormatError) -> [UInt8] {
    while !isAtEnd, limit > 0 {
      if input.isEmpty { input = try source.next(Self.chunk) }
      let mayEnd = input.isEmpty
      var consumed = 0
      var step = TANTRA_DAMAGED
      let output = [UInt8](unsafeUninitializedCapacity: min(limit, Self.chunk)) { buffer, produced in
        input.withUnsafeBufferPointer { bytes in
          step = tantra_decompress(
            decoder.state, bytes.baseAddress, bytes.count, &consumed, buffer.baseAddress, buffer.count, &produced)
        }
      }
      input.removeFirst(consumed)
      // Without input nothing comes any more.
      isAtEnd =
        step == TANTRA_DAMAGED || output.isEmpty && mayEnd || step == TANTRA_MEMBER_ENDS && !hasMembers
      byteCount += output.count
      guard byteCount <= Self.byteLimit else {
        throw FormatError(
          .limit, "more than \(Self.byteLimit >> 20) MiB of compressed data would have to be looked into")
      }
      if !output.isEmpty { return output }
    }
    return []
  }

  mutating func skip(_ count: Int) throws(FormatError) -> Int {
    var skipped = 0
    while skipped < count {
      let piece = try next(min(count - skipped, Self.chunk))
      if piece.isEmpty { break }
      skipped += piece.count
    }
    return skipped
  }
}
