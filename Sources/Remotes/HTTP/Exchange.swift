import PosixIO
import StoreRecords

/// One request of HTTP.
struct Exchange: Sendable {
  var method: String
  var address: WebAddress
  /// Whole lines, without their ends.
  var headers: [String] = []
  var body: Body?
  /// How long a server may say nothing, in seconds.
  var patience = 20

  /// What is sent. It can be read more than once.
  struct Body: Sendable {
    var content: LayerContent
    var range: Range<Int>
  }

  /// Where the body of an answer goes.
  enum Sink {
    /// Into memory, at most so many bytes.
    case memory(limit: Int)
    /// A piece at a time, if the status is 206.
    case pieces(Pieces)
  }

  /// Takes a body that has to have exactly so many bytes.
  struct Pieces {
    var byteCount: Int
    /// Where each piece is put together: all but the last one fill it.
    var buffer: UnsafeMutableRawBufferPointer
    /// Gets each piece. What it throws ends the exchange.
    var take: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  }
}

/// What a server has answered.
struct Answer: Sendable {
  var status: Int
  /// By name, in lower case; of headers that come twice the last.
  var headers: [String: String]
  /// The body that went into memory; of an answer that was not expected, its beginning.
  var body: [UInt8]
  /// How many bytes went into pieces.
  var pieceByteCount = 0

  /// The beginning of the body as text, for messages.
  var text: String {
    let line = String(decoding: body.prefix(300), as: UTF8.self).split(whereSeparator: \.isNewline).joined(
      separator: " ")
    return line.unicodeScalars.contains { $0.value < 0x20 } ? "" : line
  }
}

/// Why there is no answer.
struct TransferFailure: Error, Sendable {
  enum Cause: Sendable, Hashable {
    /// Somebody asked to stop.
    case stopped
    /// It may come right if it is tried again: a connection that broke, a server that says nothing.
    case passing
    /// As ``passing``, but pieces of the answer were taken: who took them asks for the rest.
    case midway
    /// It does not: an address that cannot be, a certificate that is not trusted.
    case lasting
    /// What is sent could not be read, or the answer is larger than it may be.
    case refused
  }

  var cause: Cause
  var message: String
  /// That of libcurl, if it is its failure.
  var code: Int32 = 0

  /// A server that does not answer by TLS at all, as one whose certificate is not trusted does.
  var saysNothingOfTLS: Bool { ![51, 53, 54, 58, 59, 60, 66, 77, 83].contains(code) }
}
