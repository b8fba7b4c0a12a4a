import CCurl
import Glibc
import PosixIO
import StoreRecords
import Synchronization

/// Exchanges over HTTP by libcurl, which is loaded at the first one: proxies are those of the environment (`https_proxy`, `no_proxy`).
/// Each thread that exchanges something has a connection of its own; they are kept.
final class WebClient: Sendable {
  /// Handles of libcurl that nobody uses now. One thread at a time has each.
  private struct Handles: @unchecked Sendable {
    var free: [UnsafeMutableRawPointer] = []
  }

  private let handles = Mutex(Handles())
  private let certificateFile: String?
  private let certificateFolder: String?

  /// - Throws: `system(ELIBACC)` if there is no libcurl.
  init() throws(StoreError) {
    guard tantra_curl_load() else {
      throw StoreError(
        .system(errno: ELIBACC),
        "remotes on a network need libcurl, which is not installed here: apt-get install libcurl4 (Debian, Ubuntu), or libcurl of "
          + "your distribution")
    }
    func value(_ name: String) -> String? {
      guard let text = getenv(name), text.pointee != 0 else { return nil }
      return String(cString: text)
    }
    certificateFile = value("SSL_CERT_FILE")
    certificateFolder = value("SSL_CERT_DIR")
  }

  deinit { for handle in handles.withLock({ $0.free }) { tantra_curl_close(handle) } }

  /// What the callbacks of one exchange have. Only the thread that performs it touches it.
  private final class Context {
    let exchange: Exchange
    let sink: Exchange.Sink
    let interruption: Interruption
    let sent: (Int) -> Bool
    var answer = Answer(status: 0, headers: [:], body: [])
    var position: Int
    /// How far the caller was told that bytes were sent.
    var told: Int
    var failure: TransferFailure?
    var thrown: StoreError?
    var headerByteCount = 0
    /// Whether all that matters has come, although the answer does not say where it ends.
    var isDone = false
    /// Bytes of the piece that is put together.
    var partByteCount = 0
    /// Whether a piece was taken: the exchange cannot be tried again as a whole.
    var hasTaken = false

    init(_ exchange: Exchange, _ sink: Exchange.Sink, _ interruption: Interruption, _ sent: @escaping (Int) -> Bool) {
      (self.exchange, self.sink, self.interruption, self.sent) = (exchange, sink, interruption, sent)
      position = exchange.body?.range.lowerBound ?? 0
      told = position
    }

    /// Whether the answer is one that its body is wanted of.
    var isExpected: Bool {
      if case .pieces = sink { return answer.status == 206 }
      return (200..<300).contains(answer.status)
    }

    /// Whether all that was asked for has been taken, a piece at a time: what happens to the connection after that is of no matter.
    var isComplete: Bool {
      if case .pieces(let pieces) = sink { hasTaken && answer.pieceByteCount == pieces.byteCount } else { false }
    }

    /// Whether only the end of the connection would tell the end of the answer. Who waits for that may wait for long.
    private var isEndless: Bool {
      answer.status >= 200 && answer.headers["content-length"] == nil && answer.headers["transfer-encoding"] == nil
    }

    static func of(_ pointer: UnsafeMutableRawPointer?) -> Context? {
      pointer.map { Unmanaged<Context>.fromOpaque($0).takeUnretainedValue() }
    }

    func takeHeader(_ line: String) -> Bool {
      headerByteCount += line.utf8.count
      guard headerByteCount < 1 << 18 else {
        failure = TransferFailure(cause: .refused, message: "its head has no end")
        return false
      }
      if line.hasPrefix("HTTP/") {
        // A head of its own: what came before said only to go on.
        let words = line.split(whereSeparator: \.isWhitespace)
        answer = Answer(status: words.count > 1 ? Int(words[1]) ?? 0 : 0, headers: [:], body: [])
      } else if let colon = line.firstIndex(of: ":") {
        let name = line[..<colon].lowercased()
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        answer.headers[name] = String(value.prefix { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })
      } else if line.allSatisfy(\.isWhitespace), exchange.body != nil, isEndless {
        // What is sent is answered by a head.
        isDone = true
        return false
      }
      return true
    }

    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
      if case .pieces(let pieces) = sink, answer.status == 206 { return take(bytes, as: pieces) }
      if case .memory(let limit) = sink, (200..<300).contains(answer.status) {
        guard answer.body.count + bytes.count <= limit else {
          failure = TransferFailure(cause: .refused, message: "the answer has more than \(limit) bytes")
          return false
        }
        answer.body += bytes
        return true
      }
      // Of an answer that nobody expects its beginning tells enough. The connection goes then, if there is more.
      answer.body += bytes.prefix(max(0, 4096 - answer.body.count))
      return answer.body.count < 4096
    }

    private func take(_ bytes: UnsafeRawBufferPointer, as pieces: Exchange.Pieces) -> Bool {
      guard bytes.count <= pieces.byteCount - answer.pieceByteCount else {
        failure = TransferFailure(cause: .passing, message: "more bytes came than were asked for")
        return false
      }
      var rest = bytes
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest.prefix(pieces.buffer.count - partByteCount))
        UnsafeMutableRawBufferPointer(rebasing: pieces.buffer[partByteCount...]).copyMemory(from: part)
        rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
        partByteCount += part.count
        answer.pieceByteCount += part.count
        guard partByteCount == pieces.buffer.count || answer.pieceByteCount == pieces.byteCount else { continue }
        do throws(StoreError) {
          try pieces.take(UnsafeRawBufferPointer(rebasing: pieces.buffer[..<partByteCount]))
        } catch {
          thrown = error
          return false
        }
        hasTaken = true
        partByteCount = 0
      }
      isDone = isComplete && isEndless
      return !isDone
    }

    /// Fills a part of a buffer with the next bytes of the body; nil ends the exchange.
    func readBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
      guard let body = exchange.body else { return 0 }
      let count = min(buffer.count, body.range.upperBound - position)
      guard count > 0 else { return 0 }
      do throws(StoreError) {
        try body.content.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
      } catch {
        thrown = error
        return nil
      }
      position += count
      // What is sent once more counts once.
      if position > told {
        guard sent(position - told) else { return nil }
        told = position
      }
      return count
    }
  }

  /// Sends a request and takes its answer, whatever its status is.
  ///
  /// - Parameter sent: told of bytes of the body sent since its last call; answers whether to go on.
  /// - Throws: ``TransferFailure``, or what reading the body throws.
  func perform(
    _ exchange: Exchange, into sink: Exchange.Sink = .memory(limit: 1 << 20), unless interruption: Interruption,
    sent: @escaping (_ bytes: Int) -> Bool = { _ in true }
  ) throws -> Answer {
    let known = handles.withLock { $0.free.popLast() }
    guard let handle = known ?? tantra_curl_open() else {
      throw TransferFailure(cause: .lasting, message: "there is no memory for a connection")
    }
    defer { handles.withLock { $0.free.append(handle) } }
    let context = Context(exchange, sink, interruption, sent)
    let end = withExtendedLifetime(context) { perform(exchange, context, handle) }
    if let error = context.thrown { throw error }
    let passing = context.hasTaken ? TransferFailure.Cause.midway : .passing
    if var failure = context.failure {
      if failure.cause == .passing { failure.cause = passing }
      throw failure
    }
    if interruption.isRequested { throw TransferFailure(cause: .stopped, message: "stopped") }
    // 18, a body that is cut off, and 23, one that nobody wanted more of, are fine if its status says that something is wrong.
    let isUnexpected = context.answer.status != 0 && !context.isExpected && [18, 23].contains(end.code)
    guard end.code == 0 || isUnexpected || context.isDone || context.isComplete else {
      let message = withUnsafeBytes(of: end.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw TransferFailure(cause: Self.isLasting(end.code) ? .lasting : passing, message: message, code: end.code)
    }
    return context.answer
  }

  /// Whether a server of this machine takes TLS: many do without.
  func speaksTLS(_ address: WebAddress) -> Bool {
    do {
      _ = try perform(Exchange(method: "GET", address: address), unless: .never)
      return true
    } catch let failure as TransferFailure {
      return !failure.saysNothingOfTLS
    } catch {
      return true
    }
  }

  /// Codes of libcurl for what does not come right by itself: https://curl.se/libcurl/c/libcurl-errors.html
  private static func isLasting(_ code: CInt) -> Bool {
    [1, 3, 4, 5, 27, 35, 53, 54, 58, 59, 60, 66, 77, 83].contains(code)
  }

  private func perform(
    _ exchange: Exchange, _ context: Context, _ handle: UnsafeMutableRawPointer
  ) -> tantra_exchange_end {
    let words = ([exchange.method, exchange.address.description] + exchange.headers + ["Expect:"]).map { strdup($0) }
    let files = [certificateFile, certificateFolder].map { $0.flatMap { strdup($0) } }
    defer { for word in words + files { free(word) } }
    let lines = words.dropFirst(2).map { UnsafePointer($0) }
    return lines.withUnsafeBufferPointer { lines in
      var request = tantra_exchange()
      request.method = UnsafePointer(words[0])
      request.url = UnsafePointer(words[1])
      request.headers = lines.baseAddress
      request.header_count = lines.count
      request.body_byte_count = exchange.body.map { Int64($0.range.count) } ?? -1
      request.connect_milliseconds = 5_000
      request.stall_seconds = exchange.patience
      request.certificate_file = UnsafePointer(files[0])
      request.certificate_folder = UnsafePointer(files[1])
      request.context = Unmanaged.passUnretained(context).toOpaque()
      request.read_body = { buffer, capacity, context in
        guard let context = Context.of(context), let buffer else { return Int(bitPattern: UInt.max) }
        return context.readBody(UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
          ?? Int(bitPattern: UInt.max)
      }
      request.seek_body = { offset, context in
        guard let context = Context.of(context), let body = context.exchange.body,
          (0...Int64(body.range.count)).contains(offset)
        else { return false }
        context.position = body.range.lowerBound + Int(offset)
        return true
      }
      request.take_header = { line, count, context in
        guard let context = Context.of(context), let line else { return false }
        return context.takeHeader(
          String(decoding: UnsafeRawBufferPointer(start: line, count: count), as: UTF8.self))
      }
      request.take_body = { bytes, count, context in
        guard let context = Context.of(context), let bytes else { return false }
        return context.takeBody(UnsafeRawBufferPointer(start: bytes, count: count))
      }
      request.should_stop = { context in Context.of(context)?.interruption.isRequested ?? true }
      return tantra_curl_perform(handle, &request)
    }
  }
}
