import StoreClient
import StoreRecords
import WeightRegistry

/// The files of `.control`. A new one is one line here.
enum ControlFileCatalogue {
  static func files(registry: WeightRegistry, events: EventLog, metrics: Metrics) -> [any ControlFile] {
    ControlRequest.Control.allCases.map { RequestControl($0, registry) }
      + [
        LogControl(events: events),
        MetricsControl(metrics: metrics),
        StatusControl(registry: registry),
        VersionControl(store: registry.store.path),
        WeightConfigControl(registry: registry),
      ] as [any ControlFile]
  }
}
