package import Logging

/// Writes events to an ``EventLog``: a line each of time, level, message, and what goes with it as `key=value`.
package struct EventLogHandler: LogHandler {
  private let events: EventLog
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
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
    // What is said of one event counts more than what goes with all.
    var all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
    if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
    let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.text(of: $0.value))" }
    events.append(event.level, "\(event.message)\(pairs.joined())")
  }

  /// A value, in quotation marks where its end could not be told.
  private static func text(of value: Logger.Metadata.Value) -> String {
    let text = "\(value)"
    guard text.isEmpty || text.contains(where: { $0.isWhitespace || $0 == "\"" || $0 == "=" }) else { return text }
    return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}
