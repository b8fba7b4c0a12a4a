package import BlobStore
import Glibc
package import PosixIO
import SystemPackage

/// The folders of a store. git drops empty ones: missing ones are made when it is opened for writing, and done without
/// when it is opened for reading.
///
///     <store>/
///     |-- weight_config.json          what is decided about each model
///     |-- weights/sha256/<2>/<62>     blobs
///     |-- models/<model>/             manifests
///     |-- checkpoints/<model>/        manifests of training checkpoints
///     |-- folders/<model>/            what has changed in versions' folders, and drafts
///     |-- backups/<model>/            manifests of retired and backed-up versions
///     |-- history/<model>.jsonl       which versions were active
///     |-- times/<model>               when the entries of models' folders changed
///     `-- .staging/                   uploads in progress, and the lock
package struct StoreFolder: Sendable {
  package let path: String
  let root: Folder
  let models: Folder
  let checkpoints: Folder?
  let folders: Folder?
  let backups: Folder?
  let history: Folder?
  let times: Folder?
  let staging: Folder?
  package let blobs: BlobStore

  static let configName = "weight_config.json"
  static let historyName = "history"
  private static let lockName = "lock"
  /// A number that changes with every change of the records, for those who only read.
  private static let changesName = "changes"

  /// Opens the store at `path`; `creating` makes what is missing.
  ///
  /// - Throws: `noStore` if there is no folder with `models` and `weights` in it, and none is to be made; `alreadyExists` if the
  ///   folder holds something else.
  package init(path: String, creating: Bool) throws(StoreError) {
    self.path = path
    if creating { try Self.requireOwn(path) }
    do throws(PosixError) {
      let root = creating ? try Folder.make(path) : try Folder.open(path)
      func folder(_ name: String, in parent: Folder) throws(PosixError) -> Folder {
        creating ? try parent.makeFolder(name) : try parent.folder(name)
      }
      func optional(_ name: String) throws(PosixError) -> Folder? {
        if !creating, try root.status(of: name) == nil { return nil }
        return try folder(name, in: root)
      }
      self.root = root
      models = try folder("models", in: root)
      checkpoints = try optional("checkpoints")
      folders = try optional("folders")
      backups = try optional("backups")
      history = try optional(Self.historyName)
      times = try optional("times")
      let staging = try optional(".staging")
      self.staging = staging
      blobs = BlobStore(root: try folder("sha256", in: try folder("weights", in: root)), staging: staging)
      if creating, let staging { try Self.writeGitFiles(in: root, staging: staging) }
    } catch {
      guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw StoreError(error) }
      throw StoreError(
        .noStore, "there is no weight store at \(path); name one with --store DIR, or make one: tantra init DIR")
    }
  }

  /// Makes sure that no store is made among other people's files.
  private static func requireOwn(_ path: String) throws(StoreError) {
    let names: [String]
    do throws(PosixError) { names = try Folder.open(path).names() } catch {
      // There is no such folder yet, or opening it as a store says what is wrong.
      return
    }
    guard let other = names.min(), !names.contains(where: [configName, "models", "weights", ".staging"].contains) else {
      return
    }
    throw StoreError(.alreadyExists, "\(path) holds \(other), and is no store; name a new or an empty folder")
  }

  /// What keeps git from changing or committing the wrong things.
  private static func writeGitFiles(in root: Folder, staging: Folder) throws(PosixError) {
    let files = [".gitattributes": "** -text\n", ".gitignore": "/.staging/\n/index.sqlite*\n/times/\n"]
    for (name, text) in files where try root.status(of: name) == nil {
      try root.replace(name, with: Array(text.utf8), staging: staging)
    }
  }

  /// A folder that a store which is open for writing has.
  func forWriting(_ folder: Folder?) throws(StoreError) -> Folder {
    guard let folder else { throw StoreError(.readOnly, "the store at \(path) is open for reading only") }
    return folder
  }

  /// The folder for uploads of a store that is open for writing.
  package var stagingForWriting: Folder {
    get throws(StoreError) { try forWriting(staging) }
  }

  // MARK: The lock

  /// Takes the store's lock.
  ///
  /// - Throws: `locked`, naming the holder.
  func lock(_ holder: LockHolder) throws(StoreError) -> FileLock {
    let staging = try stagingForWriting
    var other = LockHolder(pid: 0, uid: 0, mountpoint: nil)
    for attempt in 0..<20 {
      if attempt > 0 { usleep(5_000) }
      do throws(PosixError) {
        if let lock = try FileLock.acquire(Self.lockName, in: staging, description: holder.record) { return lock }
      } catch {
        guard [.permissionDenied, .notPermitted, .readOnlyFileSystem].contains(error.errno) else {
          throw StoreError(error)
        }
        throw StoreError(
          .system(errno: error.errno.rawValue),
          "the store at \(path) cannot be changed by user \(geteuid()): run this as its owner, or look only, which needs no more than "
            + "to read it (tantra mount --read-only)")
      }
      other = lockHolder() ?? other
      // A child that the last holder has just forked has its lock, too, until it runs another program.
      if other.isAlive { break }
    }
    let holder = other
    throw StoreError(
      .locked,
      "the store at \(path) is in use by \(holder); "
        + (holder.mountpoint.map { "run tantra unmount \($0) first" } ?? "try again when it has ended"))
  }

  /// Who wrote the lock file last: who holds the lock, if anybody does.
  package func lockHolder() -> LockHolder? {
    guard let staging else { return nil }
    do throws(PosixError) {
      return LockHolder(record: try FileLock.description(of: Self.lockName, in: staging))
    } catch {
      return nil
    }
  }

  /// Removes what unfinished uploads left. Call it with the lock held.
  ///
  /// - Parameter uploads: names that records need.
  func sweepStaging(keeping uploads: Set<String>) throws(StoreError) {
    let staging = try stagingForWriting
    let kept = uploads.union([Self.lockName, Self.changesName, DamageNotes.fileName])
    for name in try posix(try staging.names()) where !kept.contains(name) {
      // A folder is none of ours, and must not keep the store from being opened.
      if try posix(try staging.status(of: name))?.kind != .directory { _ = try posix(try blobs.removeStaged(name)) }
    }
  }

  // MARK: The number of changes

  /// Writes a number that those who only read compare with the one that they saw last. It need not be durable.
  func noteChange(_ number: UInt64) throws(PosixError) {
    guard let staging else { return }
    let file = try staging.makeFile(Self.changesName, exclusively: false)
    try file.write(withUnsafeBytes(of: number.littleEndian, Array.init), at: 0)
  }

  /// The file of the number.
  var changesPath: String { "\(path)/.staging/\(Self.changesName)" }

  /// The number that was written last; 0 if there is none.
  func changeNumber() throws(PosixError) -> UInt64 {
    guard let staging, try staging.status(of: Self.changesName) != nil else { return 0 }
    let bytes = try staging.contents(of: Self.changesName, limit: 8)
    return bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64($1.offset * 8) }
  }
}
