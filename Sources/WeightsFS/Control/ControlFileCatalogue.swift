import StoreClient
import StoreRecords
import WeightRegistry

/// The files of `.control`. A new one is one line here.
enum ControlFileCatalogue {
  static func files(
    registry: WeightRegistry, events: EventLog, metrics: Metrics, status: @escaping @Sendable () -> String
  ) -> [any ControlFile] {
    let requests = ControlRequest.Control.allCases.map { RequestControl($0, registry) }
    let others: [any ControlFile] = [
      LogControl(events: events),
      MetricsControl(metrics: metrics),
      StatusControl(registry: registry, others: status),
      VersionControl(store: registry.store.path),
      WeightConfigControl(registry: registry),
    ]
    return (requests + others).sorted { $0.name < $1.name }
  }
}
