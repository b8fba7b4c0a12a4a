import Glibc
import Logging
import StoreRecords
import Synchronization

/// The last events of this process, for `.control/log`, and copies of them on descriptors.
package final class EventLog: Sendable {
  private static let capacity = 1000
  private static let byteCapacity = 1 << 20
  /// Bytes that are kept of one event.
  private static let lineCapacity = 32 << 10

  private struct Lines: Sendable {
    var lines: [String] = []
    var byteCount = 0

    /// The lines that may be kept: the last ones.
    var kept: ArraySlice<String> {
      var (kept, bytes) = (lines.suffix(EventLog.capacity), byteCount)
      bytes -= lines.prefix(lines.count - kept.count).reduce(0) { $0 + $1.utf8.count }
      while bytes > EventLog.byteCapacity, let line = kept.popFirst() { bytes -= line.utf8.count }
      return kept
    }

    mutating func append(_ line: String) {
      lines.append(line)
      byteCount += line.utf8.count
      // Dropping a batch at a time keeps appending cheap.
      guard lines.count > EventLog.capacity * 5 / 4 || byteCount > EventLog.byteCapacity * 5 / 4 else { return }
      lines = Array(kept)
      byteCount = lines.reduce(0) { $0 + $1.utf8.count }
    }
  }

  private let lines = Mutex(Lines())
  private let mirrors: [CInt]
  private let journal: CInt?

  /// - Parameters:
  ///   - mirrors: descriptors, open for as long as this lives, that get each line too.
  ///   - journal: a descriptor that journald reads: its lines begin with `<priority>` as sd-daemon(3) has it, and leave the
  ///     time to journald.
  package init(mirrors: [CInt] = [], journal: CInt? = nil) {
    self.mirrors = mirrors
    self.journal = journal
  }

  func append(_ level: Logger.Level, _ message: String) {
    let line = "\(Timestamp.text(Timestamp.now())) \(level) \(message)\n"
    for descriptor in mirrors { Self.write(line, to: descriptor) }
    if let journal {
      // To journald each line is a message of its own.
      let lines = message.split(separator: "\n").map { "<\(Self.priority(of: level))>\($0)\n" }
      Self.write(lines.joined(), to: journal)
    }
    lines.withLock { $0.append(Self.shortened(line)) }
  }

  /// A line of which no more is left than may be kept.
  private static func shortened(_ line: String) -> String {
    guard line.utf8.count > lineCapacity else { return line }
    return String(decoding: line.utf8.prefix(lineCapacity), as: UTF8.self) + "... (\(line.utf8.count) bytes)\n"
  }

  /// A single write keeps the lines of several threads apart; a log that cannot be written must not stop the work.
  private static func write(_ text: String, to descriptor: CInt) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
  }

  /// As in syslog(3).
  private static func priority(of level: Logger.Level) -> Int {
    switch level {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug, .trace: 7
    }
  }

  /// The lines that are kept.
  package var contents: [UInt8] { Array(lines.withLock { $0.kept.joined() }.utf8) }
}
