import Remotes
package import StoreRecords
package import WeightRegistry

extension ControlRequest {
  /// Carries the request out: the one place that does, for commands and control files alike.
  ///
  /// - Parameters:
  ///   - actor: on whose behalf.
  ///   - whenChecked: told of each version that was validated.
  package func perform(
    on registry: WeightRegistry, by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true },
    whenChecked: (ValidationReport) -> Void = { _ in }
  ) throws(StoreError) -> ControlReply {
    switch self {
    case .setActive(let model, let name):
      let version = registry.records.resolved(name, of: model)
      let before = try registry.activation.setActive(model, version, by: actor, progress: progress)
      return .switched(change: .init(model: model, from: before, to: version))
    case .rollback(let model):
      let (before, after) = try registry.activation.rollback(model, by: actor, progress: progress)
      return .switched(change: .init(model: model, from: before, to: after))
    case .tag(let model, let target, let name):
      let version = registry.records.resolved(target, of: model)
      try registry.activation.tag(model, version, as: name, by: actor)
      return .tagged(model: model, version: version, name: name)
    case .remove(let model, let version?):
      let isLink = registry.records.aliases(of: model)[version] != nil
      if isLink {
        try registry.activation.setAlias(version, of: model, to: nil)
      } else if try registry.records.drafts(of: model).contains(version) {
        try registry.folders.removeDraft(model, version, by: actor)
      } else {
        try registry.retention.retire(model, version, by: actor, unless: .init(progress))
      }
      return .cleaned(model: model, removed: [version])
    case .remove(let model, nil):
      // A model without versions: its drafts are all that there is to remove.
      let drafts = registry.records.contains(model) ? [] : try registry.records.drafts(of: model)
      for draft in drafts { try registry.folders.removeDraft(model, draft, by: actor) }
      let removed =
        drafts.isEmpty ? try registry.retention.retireAll(of: model, by: actor, unless: .init(progress)) : drafts
      try registry.folders.removeModelIfEmpty(model)
      return .cleaned(model: model, removed: removed)
    case .cleanup(let model, let keep):
      let removed = try registry.retention.cleanup(model, keep: keep, by: actor, unless: .init(progress))
      return .cleaned(model: model, removed: removed)
    case .backup(let model, let name):
      let version = registry.records.resolved(name, of: model)
      let record = try registry.retention.backup(model, version, by: actor, unless: .init(progress))
      return .pinned(model: model, version: version, backup: record.number)
    case .restore(let model, let version, let number):
      try registry.retention.restore(model, version, number: number, by: actor, unless: .init(progress))
      return .restored(model: model, version: version)
    case .purge(let model, let version, let seconds, let number):
      try Self.requireModel(of: version, model)
      let age = try Self.nanoseconds(seconds)
      return .purged(
        report: try registry.retention.purge(
          model, version, number: number, olderThan: age, by: actor, progress: progress))
    case .setPolicy(let model, let key, let value):
      let policies = try registry.policies.set(key, of: model, to: value, by: actor)
      return .configured(model: model, key: key, value: policies[key])
    case .compress(let model, let version, let text):
      try Self.requireModel(of: version, model)
      let base = try CompressionBase(text)
      return .compressed(
        report: try registry.compression.compress(model, version, from: base, by: actor, progress: progress))
    case .thaw(let model, let version):
      try Self.requireModel(of: version, model)
      return .compressed(report: try registry.compression.thaw(model, version, by: actor, progress: progress))
    case .validate(let model, let version):
      try Self.requireModel(of: version, model)
      var reports: [ValidationReport] = []
      for (model, version) in try Self.versions(in: registry.records, model, version) {
        let report = try registry.validation.validate(model, version, progress: progress)
        whenChecked(report)
        reports.append(report)
      }
      return .validated(reports: reports)
    case .pull(let text, let model, let version, let activating, let plainHTTP, let pem):
      let reference = try RemoteReference(validating: text)
      let remote = try reference.open(plainHTTP: plainHTTP ?? false)
      let key = pem.flatMap { VerifyingKey(pem: $0) }
      if pem != nil, key == nil { throw StoreError(.invalidName, "the request has a key that is none") }
      let digest = try reference.resolve(in: remote, unless: .init(progress))
      let report = try Pull(registry, from: remote)(
        digest, as: (model, version), activating: activating, verifying: key, by: actor, progress: progress)
      return .pulled(report: report)
    }
  }

  /// An age in nanoseconds.
  package static func nanoseconds(_ seconds: Int64) throws(StoreError) -> Int64 {
    let (age, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard seconds >= 0, !overflow else {
      throw StoreError(
        .invalidName, "expected an age of 0 to \(Int64.max / 1_000_000_000) seconds, found \(seconds)")
    }
    return age
  }

  private static func requireModel(of version: VersionName?, _ model: ModelName?) throws(StoreError) {
    if let version, model == nil { throw StoreError(.invalidName, "of which model is \(version)?") }
  }

  private static func versions(
    in records: RecordStore, _ model: ModelName?, _ version: VersionName?
  ) throws(StoreError) -> [(ModelName, VersionName)] {
    if let model, let version { return [(model, records.resolved(version, of: model))] }
    var all: [(ModelName, VersionName)] = []
    for model in model.map({ [$0] }) ?? records.models { all += try records.versions(of: model).map { (model, $0) } }
    return all
  }
}
