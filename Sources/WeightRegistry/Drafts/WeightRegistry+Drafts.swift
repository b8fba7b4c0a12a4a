import Logging
import PosixIO
import Synchronization

extension WeightRegistry {
  /// All drafts as they are now.
  package var drafts: DraftRecord { draftState.withLock { $0 } }

  /// What a version's folder holds beside its manifest; nil for nothing.
  package func draft(of model: ModelName, _ version: VersionName) -> Draft? {
    draftState.withLock { $0[model, version] }
  }

  /// Changes drafts, durably, then lets the change take effect. Uploads that no draft names any more go.
  package func changeDrafts<R>(_ change: (inout DraftRecord) throws(RegistryError) -> R) throws(RegistryError) -> R {
    try requireWriting()
    return try draftWriting.withLock { (_: inout sending Void) throws(RegistryError) in
      var record = draftState.withLock { $0 }
      let before = record
      let result = try change(&record)
      guard record != before else { return result }
      let bytes = try StoreCoding.encode(record, pretty: true)
      let staging = try store.stagingForWriting
      try posix(try staging.replace(StoreFolder.draftsName, with: bytes, staging: staging))
      draftState.withLock { $0 = record }
      for name in before.uploads.subtracting(record.uploads) { removeUpload(name) }
      return result
    }
  }

  /// Removes an upload that nobody needs. The change that made it so has been made: one that stays is swept at the next start.
  private func removeUpload(_ name: String) {
    do throws(PosixError) {
      try uploads.remove(name, from: store.blobs)
    } catch {
      logger.warning("\(error)")
    }
  }

  /// Changes one version's draft, which is made if there is none. A draft of a published version that holds nothing goes.
  package func changeDraft(
    _ model: ModelName, _ version: VersionName, _ change: (inout Draft) -> Void
  ) throws(RegistryError) {
    try changeDrafts { (record) throws(RegistryError) in
      var draft = record[model, version] ?? Draft(model: model, version: version, made: Timestamp.now())
      change(&draft)
      record[model, version] = draft.isEmpty && contains(model, version) ? nil : draft
    }
  }

  /// Forgets files of a draft that its version's manifest has taken over.
  func settleDraft(_ manifest: Manifest) throws(RegistryError) {
    guard draft(of: manifest.model, manifest.version) != nil else { return }
    try changeDraft(manifest.model, manifest.version) { draft in
      draft.files.removeAll { $0.sidecar != nil }
    }
  }
}
