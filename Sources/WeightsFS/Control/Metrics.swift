import Synchronization
import WeightRegistry

/// Counters of what is served, per model, version and format.
final class Metrics: Sendable {
  struct Key: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
    var view: String
  }

  private struct Counters: Sendable {
    var opens = 0
    var bytes = 0
    var openSeconds = 0.0
  }

  private let counters = Mutex<[Key: Counters]>([:])

  /// Counts an open that took `duration`.
  func opened(_ key: Key, in duration: Duration) {
    let (seconds, attoseconds) = duration.components
    counters.withLock { counters in
      counters[key, default: Counters()].opens += 1
      counters[key, default: Counters()].openSeconds += Double(seconds) + Double(attoseconds) * 1e-18
    }
  }

  /// Counts bytes that were read.
  func read(_ key: Key, bytes: Int) {
    counters.withLock { $0[key, default: Counters()].bytes += bytes }
  }

  /// Prometheus' text exposition format, version 0.0.4.
  var text: String {
    let all = counters.withLock { $0 }.sorted { $0.key.labels < $1.key.labels }
    func family(_ name: String, _ help: String, _ value: (Counters) -> String) -> String {
      "# HELP tantra_\(name) \(help)\n# TYPE tantra_\(name) counter\n"
        + all.map { "tantra_\(name){\($0.key.labels)} \(value($0.value))\n" }.joined()
    }
    return family("opens_total", "Times a view was opened.") { "\($0.opens)" }
      + family("read_bytes_total", "Bytes of a view that the daemon served.") { "\($0.bytes)" }
      + family("open_seconds_total", "Time spent opening a view.") { "\($0.openSeconds)" }
  }
}

extension Metrics.Key {
  fileprivate var labels: String { "model=\"\(model)\",version=\"\(version)\",format=\"\(view)\"" }
}
