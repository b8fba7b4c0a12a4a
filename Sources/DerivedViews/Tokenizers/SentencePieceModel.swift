/// A tokenizer.model: what is read of `ModelProto` in SentencePiece's sentencepiece_model.proto.
///
///     ModelProto     1 pieces (SentencePiece, repeated)   2 trainer_spec   3 normalizer_spec   ...
///     SentencePiece  1 piece (string)   2 score (float)   3 type (enum, 1 if it is not there)
///     TrainerSpec    35 byte_fallback (bool)   ...
struct SentencePieceModel: Sendable {
  struct Piece: Sendable {
    var text: [UInt8] = []
    var score: Float = 0
    var kind = TokenList.Kind.normal
  }

  static let name = "tokenizer.model"

  private(set) var pieces: [Piece] = []

  /// Reads a model, and checks pieces as SentencePiece does when it loads one: none is empty or there twice, exactly one
  /// is for the unknown, and either all 256 bytes have pieces, or none. How text is normalized is not read.
  ///
  /// - Throws: ``Withheld``, saying what is wrong where.
  init(parsing bytes: [UInt8]) throws(Withheld) {
    var message = ProtocolBuffer(bytes[...], of: Self.name)
    var hasBytes = false
    while true {
      let start = message.position
      guard let (field, value) = try message.next() else { break }
      switch (field, value) {
      case (1, .bytes(let piece)):
        guard pieces.count < TokenList.limit else {
          throw Withheld("\(Self.name) has more than \(TokenList.limit) pieces")
        }
        pieces.append(try Self.piece(piece))
      case (2, .bytes(let trainer)): try Self.readTrainer(trainer, &hasBytes)
      case (1...5, .bytes): break
      case (1...5, _): throw message.damaged("field \(field) that is no message", start)
      // Extensions of others.
      default: break
      }
    }
    try check(hasBytes: hasBytes)
  }

  private static func piece(_ bytes: ArraySlice<UInt8>) throws(Withheld) -> Piece {
    var piece = Piece()
    var message = ProtocolBuffer(bytes, of: name)
    while true {
      let start = message.position
      guard let (field, value) = try message.next() else { return piece }
      switch (field, value) {
      case (1, .bytes(let text)):
        piece.text = Array(text)
        guard (try? UTF8Span(validating: piece.text.span)) != nil else {
          throw message.damaged("a piece that is not UTF-8", start)
        }
      case (2, .fixed32(let bits)):
        piece.score = Float(bitPattern: bits)
        guard piece.score.isFinite else { throw message.damaged("a score that is no number", start) }
      case (3, .varint(let number)):
        guard let kind = Int32(exactly: number).flatMap(TokenList.Kind.init) else {
          throw message.damaged("a piece of the unknown type \(number)", start)
        }
        piece.kind = kind
      case (1...3, _): throw message.damaged("field \(field) of a piece, which is of another type", start)
      default: break
      }
    }
  }

  private static func readTrainer(_ bytes: ArraySlice<UInt8>, _ hasBytes: inout Bool) throws(Withheld) {
    var message = ProtocolBuffer(bytes, of: name)
    while true {
      let start = message.position
      guard let (field, value) = try message.next() else { return }
      guard field == 35 else { continue }
      guard case .varint(let flag) = value else { throw message.damaged("a byte_fallback that is no flag", start) }
      hasBytes = flag != 0
    }
  }

  private func check(hasBytes: Bool) throws(Withheld) {
    var seen: Set<[UInt8]> = []
    for piece in pieces {
      guard !piece.text.isEmpty else { throw Withheld("\(Self.name) has an empty piece") }
      let text = String(decoding: piece.text.prefix(100), as: UTF8.self)
      guard seen.insert(piece.text).inserted else { throw Withheld("\(Self.name) has the piece \"\(text)\" twice") }
      guard piece.kind != .byte || ByteFallbackTokenizer.isByte(text) else {
        throw Withheld("\(Self.name) has a piece \"\(text)\" for a byte, and <0x..> is expected")
      }
    }
    let unknown = pieces.count { $0.kind == .unknown }
    guard unknown == 1 else { throw Withheld("\(Self.name) has \(unknown) pieces for the unknown, and 1 is expected") }
    let byteCount = pieces.count { $0.kind == .byte }
    guard byteCount == (hasBytes ? 256 : 0) else {
      throw Withheld("\(Self.name) has \(byteCount) pieces for bytes, and \(hasBytes ? 256 : 0) are expected")
    }
  }
}
