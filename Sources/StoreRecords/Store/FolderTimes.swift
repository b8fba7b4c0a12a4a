import Logging
import PosixIO

/// When the entries of models' folders, and of the root, changed last.
///
/// It is the mtime of an empty file in `times/`, which is changed with the entries: that costs no write to the disk that anybody
/// waits for. The times of folders in a version stand in its own records.
package struct FolderTimes: Sendable {
  /// The file of the root; no model can be called so.
  private static let rootName = ".root"

  let store: StoreFolder
  let logger: Logger

  /// mtime of a model's folder, in nanoseconds since 1970; nil if nothing is known of it.
  package func modified(of model: ModelName) throws(StoreError) -> Int64? {
    if let noted = try noted(model.text) { return noted }
    let parents = store.manifestFolders.map(\.folder) + (store.folders.map { [$0] } ?? [])
    for parent in parents {
      if let status = try posix(try parent.status(of: model.text)) { return status.modified }
    }
    return nil
  }

  /// mtime of the root, in nanoseconds since 1970.
  package func modifiedRoot() throws(StoreError) -> Int64? {
    if let noted = try noted(Self.rootName) { return noted }
    return try posix(try store.root.status(of: "models"))?.modified
  }

  private func noted(_ name: String) throws(StoreError) -> Int64? {
    guard let times = store.times else { return nil }
    return try posix(try times.status(of: name))?.modified
  }

  /// The entries of a model's folder have changed.
  ///
  /// - Parameter time: when, if that was a while ago; a later time stays.
  package func note(_ model: ModelName, at time: Int64? = nil) { note(model.text, at: time) }

  /// Models have come or gone.
  func noteRoot() { note(Self.rootName, at: nil) }

  /// Notes that a name has come into a model's folder, or has gone.
  func noteEntries(of model: ModelName, isNewModel: Bool = false) {
    note(model)
    if isNewModel { noteRoot() }
  }

  /// Gives a model's folder the mtime that somebody asks for.
  package func set(_ model: ModelName, to time: Int64) throws(StoreError) {
    let times = try store.forWriting(store.times)
    try posix(try times.makeFile(model.text, exclusively: false).setModified(time))
  }

  /// Forgets a model that is gone.
  func forget(_ model: ModelName) {
    do throws(PosixError) { try store.times?.removeFile(model.text) } catch { warn(error) }
  }

  private func note(_ name: String, at time: Int64?) {
    guard let times = store.times else { return }
    do throws(PosixError) {
      if let time, let known = try times.status(of: name), known.modified >= time { return }
      try times.makeFile(name, exclusively: false).setModified(time ?? Timestamp.now())
    } catch {
      warn(error)
    }
  }

  /// What has changed has changed: the time of it is not worth a failure.
  private func warn(_ error: PosixError) {
    logger.warning("the time of a folder could not be kept: \(StoreError(error))")
  }
}

extension RecordStore {
  /// When the entries of models' folders, and of the root, changed last.
  package var times: FolderTimes { FolderTimes(store: store, logger: logger) }
}
