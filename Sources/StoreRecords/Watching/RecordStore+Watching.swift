import PosixIO

/// When the folders of a model were changed last: a change of its versions shows in one of them.
package struct ModelStamp: Sendable, Hashable {
  /// mtimes in nanoseconds since 1970.
  fileprivate var times: [String: Int64] = [:]

  /// That of a model of which there is nothing.
  package init() {}

  /// Whether the times tell of every change: one at the same moment as the last would not show.
  package func isSettled(at now: Int64) -> Bool { times.values.allSatisfy { now - $0 > 100_000_000 || $0 > now } }
}

extension StoreFolder {
  /// Whether folders were missing when it was opened to be read. If somebody makes them, they are seen after it is opened anew.
  package var lacksFolders: Bool {
    checkpoints == nil || folders == nil || backups == nil || history == nil || staging == nil
  }
}

extension RecordStore {
  /// What shows whether the versions of a model have changed. A few system calls; nothing is read.
  package func stamp(of model: ModelName) throws(StoreError) -> ModelStamp {
    var stamp = ModelStamp()
    for (name, folder) in [
      ("models", store.models), ("checkpoints", store.checkpoints), ("folders", store.folders),
      ("backups", store.backups),
    ] {
      stamp.times[name] = try posix(try folder?.status(of: model.text))?.modified
    }
    return stamp
  }

  /// The editions that are kept of a model's versions: backups, and what was removed or replaced. By their names alone.
  package func keptEditions(of model: ModelName) throws(StoreError) -> Set<VersionEdition> {
    guard let names = try ifThere(try store.backups?.folder(model.text).names() ?? []) else { return [] }
    return Set(names.compactMap { BackupRecord.parse(fileName: $0).map { VersionEdition($0.version, $0.number) } })
  }
}
