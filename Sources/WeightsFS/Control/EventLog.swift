import Glibc
package import Logging
import Synchronization
import WeightRegistry

/// The last events of this process, for `.control/log`, and copies of them on descriptors.
package final class EventLog: Sendable {
  private static let capacity = 1000
  private let lines = Mutex<[String]>([])

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
    lines.withLock { lines in
      lines.append(line)
      // Dropping a batch at a time keeps appending cheap.
      if lines.count >= Self.capacity + Self.capacity / 4 { lines.removeFirst(lines.count - Self.capacity) }
    }
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

  var contents: [UInt8] { Array(lines.withLock { $0.suffix(Self.capacity).joined() }.utf8) }
}

/// Writes events to an ``EventLog``: a line each of time, level and message.
package struct EventLogHandler: LogHandler {
  private let events: EventLog
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .info

  package init(_ events: EventLog, level: Logger.Level = .info) {
    self.events = events
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    events.append(event.level, "\(event.message)")
  }
}
