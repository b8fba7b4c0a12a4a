package import Remotes
package import StoreRecords
package import WeightRegistry

/// What came of a ``ControlRequest``.
package enum ControlReply: Sendable, Hashable, Codable {
  case switched(change: ActiveChange)
  /// What was taken out of the tree.
  case cleaned(model: ModelName, removed: [VersionName])
  case tagged(model: ModelName, version: VersionName, name: VersionName)
  /// A backup is known by its number.
  case pinned(model: ModelName, version: VersionName, backup: Int)
  case restored(model: ModelName, version: VersionName)
  case purged(report: PurgeReport)
  /// No model: the policy of all models that decide nothing else themselves.
  case configured(model: ModelName?, key: PolicyKey, value: String)
  /// Of blobs that were compressed, or taken back.
  case compressed(report: CompressionReport)
  case validated(reports: [ValidationReport])
  case pulled(report: PullReport)
  /// Nothing was changed, unless the message says so.
  case refused(error: ControlError)

  /// The versions that did not pass a validation.
  package var damaged: [ValidationReport] {
    if case .validated(let reports) = self { reports.filter { !$0.isValid } } else { [] }
  }

  /// The reply for people: lines.
  package var text: String {
    switch self {
    case .switched(let change): change.text + "\n"
    case .cleaned(_, []): "nothing to remove\n"
    case .cleaned(let model, let removed): removed.map { "removed \(model)/\($0)\n" }.joined()
    case .tagged(let model, let version, let name): "\(model)/\(name) -> \(version)\n"
    case .pinned(let model, let version, let backup): "\(model)/\(version): pinned as backup \(backup)\n"
    case .restored(let model, let version): "\(model)/\(version): restored\n"
    case .purged(let report): report.text
    case .configured(let model, let key, let value): "\(model?.text ?? "all") \(key.rawValue) \(value)\n"
    case .compressed(let report): report.text
    case .validated(let reports): reports.map(\.text).joined()
    case .pulled(let report): report.text
    case .refused(let error): error.message + "\n"
    }
  }
}

/// A change of a model's active version.
package struct ActiveChange: Sendable, Hashable, Codable {
  package var model: ModelName
  /// nil if none was active.
  package var from: VersionName?
  package var to: VersionName

  package init(model: ModelName, from: VersionName?, to: VersionName) {
    self.model = model
    self.from = from
    self.to = to
  }

  /// `mamba: v1.0 -> v1.1`.
  package var text: String {
    from == to ? "\(model): \(to), as before" : "\(model): \(from.map { "\($0) -> " } ?? "")\(to)"
  }
}
