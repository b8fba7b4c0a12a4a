import PosixIO

/// When the folders of a model were changed last: a change of its versions shows in one of them.
package struct ModelStamp: Sendable, Hashable {
  /// mtimes in nanoseconds since 1970.
  private var times: [String: Int64] = [:]

  /// That of a model of which there is nothing.
  package init() {}

  /// What shows whether the versions of a model have changed. A few system calls; nothing is read.
  package init(of model: ModelName, in store: StoreFolder) throws(StoreError) {
    for (name, folder) in [
      ("models", store.models), ("checkpoints", store.checkpoints), ("folders", store.folders),
      ("backups", store.backups),
    ] {
      times[name] = try posix(try folder?.status(of: model.text))?.modified
    }
  }

  /// Whether the times tell of every change: one at the same moment as the last would not show.
  package func isSettled(at now: Int64) -> Bool { times.values.allSatisfy { now - $0 > 100_000_000 || $0 > now } }
}

extension StoreFolder {
  /// Whether folders were missing when it was opened to be read. If somebody makes them, they are seen after it is opened anew.
  package var lacksFolders: Bool {
    checkpoints == nil || folders == nil || backups == nil || history == nil || staging == nil
  }
}
