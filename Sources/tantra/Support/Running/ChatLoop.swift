import Glibc
import TantraRuntime

/// A talk with a model: a line is read, the model goes on with it, and so forth, in one sequence.
///
/// Ctrl-C ends the answer, Ctrl-D the talk. TERM and HUP end both.
struct ChatLoop {
  /// What ends an answer, or the talk.
  private let signals: ChatSignals
  /// Whether the user sees what is typed: then a mark says whose turn it is.
  private let isTerminal = isatty(STDIN_FILENO) == 1
  private var lines = LineReader()
  /// Tells of an answer and its text when it has ended.
  private let report: (TextGeneration, String) throws -> Void
  /// Whether answers are written as they are made.
  private let streams: Bool

  init(streams: Bool, report: @escaping (TextGeneration, String) throws -> Void) throws {
    signals = try ChatSignals()
    self.streams = streams
    self.report = report
  }

  /// Runs the talk to its end.
  ///
  /// - Parameters:
  ///   - first: what the user says first; nil to read that, too.
  ///   - begin: makes the first answer.
  mutating func run(first: String?, begin: (String) throws -> TextGeneration) throws {
    var generation: TextGeneration?
    var said = first
    while !signals.isEnding {
      guard let line = try said ?? readLine() else { break }
      said = nil
      signals.takeInterruption()
      var answer = try generation.map { $0.followed(by: line) } ?? begin(line)
      try speak(&answer)
      generation = answer
    }
    if isTerminal { Console.write("\n", to: STDERR_FILENO) }
  }

  /// The next line with its end; nil at the end of the talk.
  private mutating func readLine() throws -> String? {
    signals.takeSignals()
    while !signals.isEnding {
      if isTerminal { Console.write("> ", to: STDERR_FILENO) }
      switch try lines.next({ signals.waitForInput() }) {
      case .line(let text): return text
      case .end: return nil
      case .interrupted:
        // Nothing is being said: what was typed so far is forgotten.
        lines = LineReader()
        if isTerminal { Console.write("\n", to: STDERR_FILENO) }
      }
    }
    return nil
  }

  private func speak(_ answer: inout TextGeneration) throws {
    var text = ""
    do {
      while let piece = try answer.next(isStopped: { signals.isInterrupted }) {
        text += piece
        if streams { Console.print(raw: piece) }
      }
    } catch is CancellationError {
      // The talk goes on from what was said.
    }
    if streams, !text.hasSuffix("\n") { Console.print("") }
    try report(answer, text)
  }
}

/// Lines of standard input.
private struct LineReader {
  enum Line {
    case line(String)
    case end
    /// A signal came first.
    case interrupted
  }

  /// Bytes that a line may have.
  private static let limit = 1 << 20
  private var unread: [UInt8] = []
  private var isAtEnd = false

  /// - Parameter isWorthReading: waits for input; false if a signal came first.
  mutating func next(_ isWorthReading: () -> Bool) throws -> Line {
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) { return try take(end + 1) }
      if isAtEnd { return unread.isEmpty ? .end : try take(unread.count) }
      guard unread.count <= Self.limit else {
        throw CommandFailure(.usage, "a line on standard input has more than \(Self.limit >> 20) MiB")
      }
      guard isWorthReading() else { return .interrupted }
      guard let bytes = try StandardInput.read() else {
        isAtEnd = true
        continue
      }
      if bytes.isEmpty { return .interrupted }
      unread += bytes
    }
  }

  private mutating func take(_ count: Int) throws -> Line {
    defer { unread.removeFirst(count) }
    guard let text = String(validating: unread.prefix(count), as: UTF8.self) else {
      throw CommandFailure(.badData, "a line on standard input is no text: expected UTF-8")
    }
    return .line(text == "\n" ? "" : text)
  }
}
