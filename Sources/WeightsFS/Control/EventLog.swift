import Glibc
package import Logging
import Synchronization
import WeightRegistry

/// The last events of this process, for `.control/log`, and copies of them on descriptors.
package final class EventLog: Sendable {
  private static let capacity = 1000
  private let lines = Mutex<[String]>([])

  private let mirrors: [CInt]

  /// - Parameter mirrors: descriptors, open for as long as this lives, that get each line too.
  package init(mirrors: [CInt] = []) { self.mirrors = mirrors }

  func append(_ line: String) {
    // A single write keeps the lines of several threads apart; a log that cannot be written must not stop the work.
    let bytes = Array(line.utf8)
    for descriptor in mirrors { _ = write(descriptor, bytes, bytes.count) }
    lines.withLock { lines in
      lines.append(line)
      // Dropping a batch at a time keeps appending cheap.
      if lines.count >= Self.capacity + Self.capacity / 4 { lines.removeFirst(lines.count - Self.capacity) }
    }
  }

  var contents: [UInt8] { Array(lines.withLock { $0.suffix(Self.capacity).joined() }.utf8) }
}

/// Writes events to an ``EventLog``: a line each of time, level and message.
package struct EventLogHandler: LogHandler {
  private let events: EventLog
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .info

  package init(_ events: EventLog) { self.events = events }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    events.append("\(Timestamp.text(Timestamp.now())) \(event.level) \(event.message)\n")
  }
}
