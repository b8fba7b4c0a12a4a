import Glibc
package import StoreRecords

/// Whether the files of a version may change.
///
/// A chosen version is frozen as a whole: somebody has made it active or given it an alias, or it has a backup. New files may
/// be added to it.
package struct Freezing: Sendable {
  let records: RecordStore

  /// - Throws: `system(EPERM)` for a file of a frozen version, with the way on.
  package func requireChangeable(_ model: ModelName, _ version: VersionName) throws(StoreError) {
    guard let reason = try reason(model, version) else { return }
    throw StoreError(
      .system(errno: EPERM),
      "\(model)/\(version) is frozen, since \(reason): its files are neither changed, replaced, renamed nor removed; go on in "
        + "a copy, which costs nothing (cp -r \(version) NEW), or let all versions of \(model) be changed: "
        + "tantra config \(model) frozen never")
  }

  /// Whether the files of a version must not change.
  package func isFrozen(_ model: ModelName, _ version: VersionName) throws(StoreError) -> Bool {
    try reason(model, version) != nil
  }

  /// Why the files of a version must not change, as part of a sentence; nil if they may.
  private func reason(_ model: ModelName, _ version: VersionName) throws(StoreError) -> String? {
    guard records.contains(model, version) else { return nil }
    switch records.policies(of: model).frozen {
    case .never: return nil
    case .always: return "the policy frozen of \(model) is always"
    case .chosen: break
    }
    for link in records.links(to: version, of: model) {
      if link != "active" { return "\(link) points to it" }
      if try !isActiveByItself(model) { return "somebody has made it active" }
    }
    return try records.backups(of: model, version).contains(where: \.isPinned) ? "it has a backup" : nil
  }

  /// Whether the active version became that without anybody wanting it: because it was the first, or was left.
  package func isActiveByItself(_ model: ModelName) throws(StoreError) -> Bool {
    guard records.activeVersion(of: model) != nil else { return false }
    if let isChosen = records.record(of: model).isChosen { return !isChosen }
    guard let last = try records.history(of: model).last else { return false }
    return last.from == nil
  }
}
