import StoreClient
import StoreRecords
import WeightRegistry

/// `.control/weight_config.json`: the registry as it stands.
struct WeightConfigControl: ControlFile {
  let registry: WeightRegistry
  var name: String { "weight_config.json" }

  func contents() throws(FileSystemError) -> [UInt8] {
    do throws(StoreError) { return try registry.records.configuration() } catch { throw FileSystemError(error) }
  }
}

/// `.control/log`: the last events, oldest first.
struct LogControl: ControlFile {
  let events: EventLog
  var name: String { "log" }

  func contents() throws(FileSystemError) -> [UInt8] { events.contents }
}

/// `.control/metrics`: counters in Prometheus' text format.
struct MetricsControl: ControlFile {
  let metrics: Metrics
  var name: String { "metrics" }

  func contents() throws(FileSystemError) -> [UInt8] { Array(metrics.text.utf8) }
}

/// `.control/status`: what is stored and what is presented.
struct StatusControl: ControlFile {
  private let usage: StoreUsage
  /// Lines that somebody else knows.
  private let others: @Sendable () -> String

  init(registry: WeightRegistry, others: @escaping @Sendable () -> String) {
    usage = StoreUsage(registry.records)
    self.others = others
  }

  var name: String { "status" }

  func contents() throws(FileSystemError) -> [UInt8] {
    do throws(StoreError) { return Array((try usage.current().text + others()).utf8) } catch {
      throw FileSystemError(error)
    }
  }
}

/// `.control/version`: who serves this mount, and which store. Constant, so that it tells at once whether the mount is alive.
struct VersionControl: ControlFile {
  private let text: String

  init(store: String) { text = ControlVersion(servingStoreAt: store).text }

  var name: String { ControlVersion.fileName }

  func contents() throws(FileSystemError) -> [UInt8] { Array(text.utf8) }
}
