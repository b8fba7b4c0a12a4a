package import StoreRecords
import Synchronization

/// Counters of what is served, per model, version and format.
///
/// There are as many as were used lately. What the others have counted goes on under `(other)`, which no model can be called.
package final class Metrics: Sendable {
  package struct Key: Hashable, Sendable {
    package var model: ModelName
    package var version: VersionName
    package var view: String

    package init(model: ModelName, version: VersionName, view: String) {
      self.model = model
      self.version = version
      self.view = view
    }
  }

  private struct Counters: Sendable {
    var opens = 0
    var bytes = 0
    var openSeconds = 0.0
    var loads = 0
    var loadSeconds = 0.0
    /// When they were used last, by the clock of ``State``.
    var lastUse: UInt64 = 0

    mutating func add(_ other: Counters) {
      opens += other.opens
      bytes += other.bytes
      openSeconds += other.openSeconds
      loads += other.loads
      loadSeconds += other.loadSeconds
    }
  }

  private struct State: Sendable {
    var counters: [Key: Counters] = [:]
    /// Of keys that were not used lately.
    var others: Counters?
    var clock: UInt64 = 0

    mutating func count(_ key: Key, _ change: (inout Counters) -> Void) {
      clock += 1
      if let index = counters.index(forKey: key) {
        change(&counters.values[index])
        counters.values[index].lastUse = clock
        return
      }
      if counters.count >= Metrics.capacity { foldOldest() }
      var new = Counters(lastUse: clock)
      change(&new)
      counters[key] = new
    }

    /// Folding a quarter at a time keeps counting cheap.
    private mutating func foldOldest() {
      for (key, old) in counters.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(Metrics.capacity / 4) {
        var sum = others ?? Counters()
        sum.add(old)
        others = sum
        counters[key] = nil
      }
    }
  }

  /// How many keys are counted apart.
  package static let capacity = 4096
  private let state = Mutex(State())

  package init() {}

  /// Counts an open that took `duration`.
  package func opened(_ key: Key, in duration: Duration) {
    state.withLock { state in
      state.count(key) { counters in
        counters.opens += 1
        counters.openSeconds += duration / .seconds(1)
      }
    }
  }

  /// Counts a view that was closed, and mapped no more, `duration` after it was opened.
  package func closed(_ key: Key, after duration: Duration) {
    state.withLock { state in
      state.count(key) { counters in
        counters.loads += 1
        counters.loadSeconds += duration / .seconds(1)
      }
    }
  }

  /// Counts bytes that were read.
  package func read(_ key: Key, bytes: Int) {
    state.withLock { state in state.count(key) { $0.bytes += bytes } }
  }

  /// Prometheus' text exposition format, version 0.0.4.
  package var text: String {
    let (counters, others) = state.withLock { ($0.counters, $0.others) }
    var all = counters.map { (labels: $0.key.labels, counters: $0.value) }.sorted { $0.labels < $1.labels }
    if let others { all.append((Key.labels(model: "(other)", version: "(other)", view: "(other)"), others)) }
    func family(_ name: String, _ help: String, _ value: (Counters) -> String) -> String {
      "# HELP tantra_\(name) \(help)\n# TYPE tantra_\(name) counter\n"
        + all.map { "tantra_\(name){\($0.labels)} \(value($0.counters))\n" }.joined()
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
  fileprivate var labels: String { Self.labels(model: model.text, version: version.text, view: view) }

  fileprivate static func labels(model: String, version: String, view: String) -> String {
    "model=\"\(model)\",version=\"\(version)\",format=\"\(view)\""
  }
}
