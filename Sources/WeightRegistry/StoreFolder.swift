package import BlobStore
import Glibc
import PosixIO
import SystemPackage

/// The folders of a store. git drops empty ones: missing ones are made when it is opened for writing, and done without
/// when it is opened for reading.
///
///     <store>/
///     |-- weight_config.json          the registry
///     |-- weights/sha256/<2>/<62>     blobs
///     |-- models/<model>/             manifests
///     |-- checkpoints/<model>/        manifests of training checkpoints
///     |-- backups/<model>/            manifests of retired and backed-up versions
///     |-- history/<model>.jsonl       which versions were active
///     `-- .staging/                   uploads in progress, drafts, and the lock
package struct StoreFolder: Sendable {
  package let path: String
  let root: Folder
  let models: Folder
  let checkpoints: Folder?
  let backups: Folder?
  let history: Folder?
  let staging: Folder?
  package let blobs: BlobStore

  static let configName = "weight_config.json"
  static let historyName = "history"
  static let draftsName = "drafts.json"
  private static let lockName = "lock"

  /// Opens the store at `path`; `creating` makes what is missing.
  ///
  /// - Throws: `noStore` if there is no folder with `models` and `weights` in it, and none is to be made.
  package init(path: String, creating: Bool) throws(RegistryError) {
    self.path = path
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
      backups = try optional("backups")
      history = try optional(Self.historyName)
      let staging = try optional(".staging")
      self.staging = staging
      blobs = BlobStore(root: try folder("sha256", in: try folder("weights", in: root)), staging: staging)
      if creating, let staging { try Self.writeGitFiles(in: root, staging: staging) }
    } catch {
      guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw RegistryError(error) }
      throw RegistryError(
        .noStore, "there is no weight store at \(path); name one with --store DIR, or make one with tantra import")
    }
  }

  /// What keeps git from changing or committing the wrong things.
  private static func writeGitFiles(in root: Folder, staging: Folder) throws(PosixError) {
    let files = [".gitattributes": "** -text\n", ".gitignore": "/.staging/\n/index.sqlite*\n"]
    for (name, text) in files where try root.status(of: name) == nil {
      try root.replace(name, with: Array(text.utf8), staging: staging)
    }
  }

  /// Takes the store's lock, and sweeps what unfinished uploads left; what drafts name stays.
  ///
  /// - Throws: `locked`, naming the holder.
  func lock(_ description: String) throws(RegistryError) -> FileLock {
    let staging = try stagingForWriting
    if let lock = try posix(try FileLock.acquire(Self.lockName, in: staging, description: description)) {
      let kept = try drafts().uploads.union([Self.lockName, Self.draftsName])
      for name in try posix(try staging.names()) where !kept.contains(name) {
        // A folder is none of ours, and must not keep the store from being opened.
        if try posix(try staging.status(of: name))?.kind != .directory { _ = try posix(try blobs.removeStaged(name)) }
      }
      return lock
    }
    let holder = lockHolder() ?? LockHolder(pid: 0, uid: 0, mountpoint: nil)
    throw RegistryError(
      .locked,
      "the store at \(path) is in use by \(holder); "
        + (holder.mountpoint.map { "run tantra unmount \($0) first" } ?? "try again when it has ended"))
  }

  /// The drafts as the staging folder tells.
  func drafts() throws(RegistryError) -> DraftRecord {
    guard let staging, try posix(try staging.status(of: Self.draftsName)) != nil else { return DraftRecord() }
    let bytes = try posix(try staging.contents(of: Self.draftsName, limit: 64 << 20))
    let record = try StoreCoding.decode(DraftRecord.self, from: bytes, what: ".staging/\(Self.draftsName)")
    for path in record.drafts.flatMap({ $0.paths + $0.folders }) {
      guard let why = Manifest.Sidecar.problem(ofPath: path) else { continue }
      throw RegistryError(.damaged, ".staging/\(Self.draftsName) is damaged: \(path.debugDescription) \(why)")
    }
    return record
  }

  /// The folder for uploads of a store that is open for writing.
  var stagingForWriting: Folder {
    get throws(RegistryError) {
      guard let staging else { throw RegistryError(.readOnly, "the store at \(path) is open for reading only") }
      return staging
    }
  }

  /// The folder of backups of a store that is open for writing.
  var backupsForWriting: Folder {
    get throws(RegistryError) {
      guard let backups else { throw RegistryError(.readOnly, "the store at \(path) is open for reading only") }
      return backups
    }
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
}

/// The process that holds a store's lock, as the lock file names it: a line each of pid, uid and mountpoint.
package struct LockHolder: Sendable, Hashable, CustomStringConvertible {
  package var pid: Int32
  package var uid: UInt32
  /// Where the store is mounted by it, if it is.
  package var mountpoint: String?

  package init(pid: Int32, uid: UInt32, mountpoint: String?) {
    self.pid = pid
    self.uid = uid
    self.mountpoint = mountpoint
  }

  /// This process, without a mount.
  static var current: LockHolder { LockHolder(pid: getpid(), uid: getuid(), mountpoint: nil) }

  init?(record: String) {
    var fields: [Substring: String] = [:]
    for line in record.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2 { fields[parts[0]] = String(parts[1]) }
    }
    guard let pid = fields["pid"].flatMap({ Int32($0) }), let uid = fields["uid"].flatMap({ UInt32($0) }) else {
      return nil
    }
    self.init(pid: pid, uid: uid, mountpoint: fields["mountpoint"])
  }

  /// What the lock file holds.
  var record: String { "pid \(pid)\nuid \(uid)\n" + (mountpoint.map { "mountpoint \($0)\n" } ?? "") }

  package var description: String {
    "process \(pid) of user \(uid)" + (mountpoint.map { ", which has it mounted at \($0)" } ?? "")
  }
}
