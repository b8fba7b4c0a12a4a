import WeightRegistry

/// `.control/weight_config.json`: the registry as it stands.
struct WeightConfigControl: ControlFile {
  let registry: WeightRegistry
  var name: String { "weight_config.json" }

  func contents() throws(FileSystemError) -> [UInt8] {
    do throws(StoreError) { return try registry.configuration() } catch { throw FileSystemError(error) }
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
  let registry: WeightRegistry
  private let usage: StoreUsage

  init(registry: WeightRegistry) {
    self.registry = registry
    usage = StoreUsage(registry: registry)
  }

  var name: String { "status" }

  func contents() throws(FileSystemError) -> [UInt8] {
    do throws(StoreError) { return Array(try usage.current().text.utf8) } catch { throw FileSystemError(error) }
  }
}

/// The files of `.control`. A new one is one line here.
enum ControlFileCatalogue {
  static func files(registry: WeightRegistry, events: EventLog, metrics: Metrics) -> [any ControlFile] {
    [
      ActiveControl(registry: registry),
      BackupControl(registry: registry),
      CleanupControl(registry: registry),
      ConfigControl(registry: registry),
      LogControl(events: events),
      MetricsControl(metrics: metrics),
      PurgeControl(registry: registry),
      RestoreControl(registry: registry),
      StatusControl(registry: registry),
      ValidateControl(registry: registry),
      WeightConfigControl(registry: registry),
    ]
  }
}
