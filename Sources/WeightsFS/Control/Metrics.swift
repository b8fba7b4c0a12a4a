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
    var loads = 0
    var loadSeconds = 0.0
  }

  private let counters = Mutex<[Key: Counters]>([:])

  /// Counts an open that took `duration`.
  func opened(_ key: Key, in duration: Duration) {
    counters.withLock { counters in
      counters[key, default: Counters()].opens += 1
      counters[key, default: Counters()].openSeconds += duration / .seconds(1)
    }
  }

  /// Counts a view that was closed, and mapped no more, `duration` after it was opened.
  func closed(_ key: Key, after duration: Duration) {
    counters.withLock { counters in
      counters[key, default: Counters()].loads += 1
      counters[key, default: Counters()].loadSeconds += duration / .seconds(1)
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
      + family("read_bytes_total", "Bytes of a view that the daemon served; the kernel reads others itself.") {
        "\($0.bytes)"
      }
      + family("open_seconds_total", "Time spent opening a view.") { "\($0.openSeconds)" }
      + family("loads_total", "Times a view was closed again, and mapped no more.") { "\($0.loads)" }
      + family("load_seconds_total", "Time from opening to closing a view.") { "\($0.loadSeconds)" }
  }
}

extension Metrics.Key {
  fileprivate var labels: String { "model=\"\(model)\",version=\"\(version)\",format=\"\(view)\"" }
}
