package import BlobStore
import Dispatch
import Glibc
import Logging
package import PosixIO
import Synchronization
import SystemPackage
package import Tensors

/// The files in the staging folder: who may write them, which records need them, and when they go.
///
/// One that has become a blob while somebody could still write to it is frozen, and stays until they have gone.
package final class StagedUploads: Sendable {
  private struct State: Sendable {
    /// Whether files can be frozen; nil as long as nobody has asked.
    var canFreeze: Bool?
    /// How often records name each upload: while one is renamed, twice.
    var named: [String: Int] = [:]
    /// Uploads that are done with, and frozen.
    var waiting: Set<String> = []
    /// Files that stay, because it is not known whether a record names them.
    var untouchable: Set<String> = []
  }

  /// In milliseconds; together longer than the kernel takes to let go of a file that is just being closed.
  private static let closingTime = [1, 2, 4, 8, 16]
  private let blobs: BlobStore
  private let logger: Logger
  private let state = Mutex(State())

  init(_ blobs: BlobStore, logger: Logger) {
    self.blobs = blobs
    self.logger = logger
  }

  deinit { releaseAll() }

  /// Whether files in the staging folder can be frozen.
  private func canFreeze() throws(StoreError) -> Bool {
    if let known = state.withLock({ $0.canFreeze }) { return known }
    let canFreeze = try posix(try blobs.canFreeze())
    state.withLock { $0.canFreeze = canFreeze }
    return canFreeze
  }

  // MARK: Making

  private func staging() throws(StoreError) -> Folder {
    guard let staging = blobs.staging else { throw StoreError(.readOnly, "the store is open for reading only") }
    return staging
  }

  /// Starts an empty file.
  ///
  /// - Parameter sharing: whether the file is to be handed to others; it is if it can be frozen.
  package func begin(sharing: Bool = false) throws(StoreError) -> Upload {
    let name = Upload.newName()
    let staging = try staging()
    return Upload(
      name: name, file: try posix(try staging.makeFile(name, exclusively: true)),
      isShared: sharing ? try canFreeze() : false)
  }

  /// Opens a kept upload for reading.
  package func open(_ name: String) throws(StoreError) -> Upload {
    let staging = try staging()
    let file = try posix(try staging.file(name))
    return Upload(name: name, file: file, isShared: try canFreeze() && file.hasWriters)
  }

  /// Size and times of a kept upload, which is not opened for that; nil if it is gone, because it has become a blob.
  package func status(of name: String) throws(StoreError) -> FileStatus? {
    let staging = try staging()
    return try posix(try staging.status(of: name))
  }

  /// Opens a kept upload for writing; nil if it cannot be written to any more, because it becomes a blob, or has become one.
  package func reopen(_ name: String) throws(StoreError) -> Upload? {
    let staging = try staging()
    do throws(PosixError) {
      return Upload(name: name, file: try staging.fileForWriting(name), isShared: false)
    } catch  where [ENOENT, EPERM, EACCES].contains(error.errno.rawValue) {
      return nil
    } catch {
      throw StoreError(error)
    }
  }

  /// A second name of a blob, as an upload.
  package func copy(of blob: Digest) throws(StoreError) -> Upload {
    let name = Upload.newName()
    return Upload(name: name, file: try blobStore(try blobs.stage(blob, as: name)), isShared: false)
  }

  /// Makes an upload a blob in the making.
  package func beginIngest(of upload: Upload) throws(StoreError) -> Ingest {
    try blobStore(try blobs.beginIngest(takingOver: upload.name, upload.file, isShared: upload.isShared))
  }

  // MARK: Who needs them

  /// The uploads that records name.
  var named: Set<String> { state.withLock { Set($0.named.keys) } }

  /// Lets everything stay that is in the staging folder now: a record cannot be read, and may name any of it.
  func leaveWhatIsThere() throws(StoreError) {
    let staging = try staging()
    let names = try posix(try staging.names())
    state.withLock { $0.untouchable.formUnion(names) }
  }

  /// Takes over that records name others than before. Those that none names any more go.
  func exchange(_ before: [String], for after: [String]) {
    let gone = state.withLock { state in
      for name in after { state.named[name, default: 0] += 1 }
      var gone: [String] = []
      for name in before {
        let count = state.named[name, default: 0] - 1
        state.named[name] = count > 0 ? count : nil
        if count <= 0 { gone.append(name) }
      }
      return gone
    }
    for name in gone {
      // The change that made it so has been made: one that stays is swept at the next start.
      do throws(PosixError) { try remove(name) } catch { logger.warning("\(error)") }
    }
  }

  /// Removes an upload unless a record names it; who has it open keeps it. A frozen one goes when nobody can write to it any
  /// more.
  package func discard(_ name: String) throws(StoreError) {
    if state.withLock({ $0.named[name] != nil }) { return }
    try posix(try remove(name))
  }

  private func remove(_ name: String) throws(PosixError) {
    if state.withLock({ $0.untouchable.contains(name) }) { return }
    if try blobs.removeStaged(name) {
      state.withLock { _ = $0.waiting.remove(name) }
      return
    }
    if state.withLock({ $0.waiting.insert(name).inserted }) { tryAgain(name, after: 10) }
  }

  private func tryAgain(_ name: String, after milliseconds: Int) {
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
      guard let self, !release(name) else { return }
      tryAgain(name, after: min(2 * milliseconds, 10_000))
    }
  }

  /// Tries to let go of an upload; true if it does not wait any more. One that cannot be removed is left to the next start.
  private func release(_ name: String) -> Bool {
    guard state.withLock({ $0.waiting.contains(name) }) else { return true }
    var isGone = true
    do throws(PosixError) { isGone = try blobs.removeStaged(name) } catch {}
    if isGone { state.withLock { _ = $0.waiting.remove(name) } }
    return isGone
  }

  /// Lets go of frozen uploads that nobody can write to any more; waits a little for those that are just being closed.
  package func releaseAll() {
    for milliseconds in Self.closingTime {
      let names = state.withLock { $0.waiting }
      if names.allSatisfy({ release($0) }) { return }
      usleep(UInt32(milliseconds) * 1000)
    }
  }
}
