import BlobStore
import Foundation
import Logging
import PosixIO
import StoreRecords
import Tensors
import TestSupport
import Testing

/// A store of records alone in a temporary folder: nothing reads the blobs that they name.
struct RecordsFixture {
  let scratch: TemporaryFolder
  let model: ModelName
  let version: VersionName

  init() throws {
    scratch = try TemporaryFolder()
    model = try ModelName(validating: "mamba")
    version = try VersionName(validating: "v1.0")
  }

  /// A copy of a store as the Tantra of its time left it.
  init(format: Int) throws {
    try self.init()
    let source = Python.packageRoot + "/Tests/Fixtures/store-format-\(format)"
    let copy = try Command.run("cp", ["-r", source, path])
    guard copy.status == 0 else { throw OracleFailure(description: copy.errorText) }
  }

  var path: String { scratch("store") }

  func open(
    _ access: StoreAccess = .writing(), limits: RecordLimits = RecordLimits()
  ) throws -> RecordStore {
    try RecordStore(
      path: path, access: access, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, limits: limits)
  }

  /// A copy of the store as it is on disk, opened anew, while the store itself is open.
  func reopened() throws -> RecordStore {
    let copy = scratch("copy")
    let command = try Command.run("sh", ["-c", "rm -rf '\(copy)' && cp -r '\(path)' '\(copy)'"])
    guard command.status == 0 else { throw OracleFailure(description: command.errorText) }
    return try RecordStore(
      path: copy, access: .writing(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// A record of a version whose state dict is told from others by a seed.
  func manifest(_ version: VersionName, of model: ModelName? = nil, seed: Int = 1) -> Manifest {
    let pack = Digest(of: "pack \(seed)".utf8)
    let table = Digest(of: "table \(seed)".utf8)
    var main = Manifest.MainStateDict(table: table, packs: [pack], tensorCount: 3, parameterCount: 47)
    main.views = ["safetensors": 300, "pt": 1000 + seed, "bin": 1000 + seed]
    let file = WeightRecord(
      path: "model.safetensors", format: "safetensors", blob: pack, byteCount: 300, modified: 5, table: table,
      packs: [pack], isPlain: false, extras: [])
    return Manifest(
      model: model ?? self.model, version: version, main: main, weights: [file],
      provenance: .init(source: "weights.safetensors", uid: 7, time: 1_700_000_000_000_000_000))
  }

  /// Publishes a version with other files.
  func publish(_ version: VersionName, files: [FolderFile] = [], seed: Int = 1, in records: RecordStore) throws {
    try records.transaction(model) { (records) throws(StoreError) in
      var folder = VersionFolder(manifest(version, seed: seed))
      for file in files { folder.apply(.put(file)) }
      try records.publish(folder, in: .models, switching: .ifNone)
    }
  }

  /// An ordinary file.
  static func file(_ path: String, seed: Int = 0, modified: Int64 = 9) -> FolderFile {
    FolderFile(
      path: path, blob: Digest(of: "blob \(seed)".utf8), digest: Digest(of: "bytes \(seed)".utf8), byteCount: 10 + seed,
      modified: modified)
  }

  /// Everything in the store but what is in the staging folder, the index, times, and what an upgrade has kept.
  func snapshot() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for path in try scratch.files(below: "store")
    where !path.contains("/.staging/") && !path.contains("/times/") && !path.contains("/.upgrade/")
      && !path.hasPrefix("store/index.sqlite")
    {
      files[path] = try scratch.read(path)
    }
    return files
  }

  /// Size of the journal of a version.
  func journalSize(_ version: VersionName, revision: Int) throws -> Int {
    try scratch.read(journalPath(version, revision: revision)).count
  }

  func journalPath(_ version: VersionName, revision: Int) -> String {
    "store/folders/\(model)/\(version).\(revision).jsonl"
  }
}

/// Everything that a folder tells but the times of folders, for comparing two of them.
struct FolderPicture: Equatable {
  private var lines: [String] = []

  init(_ folder: VersionFolder?) {
    guard let folder else { return }
    add(folder, "")
    for file in folder.publishedFiles + folder.keptFiles { lines.append("\(file)") }
    for file in folder.shownFiles.sorted(by: { $0.path < $1.path }) { lines.append("\(file)") }
    lines.append("\(folder.figures) \(folder.uploads.sorted()) \(folder.blobs.sorted())")
    if var manifest = folder.completeManifest {
      lines.append("\(manifest.hidden?.sorted() ?? [])")
      (manifest.revision, manifest.hidden, manifest.folderTimes) = (0, nil, nil)
      manifest.main?.viewTimes = nil
      for view in manifest.main?.views.keys.sorted() ?? [] {
        lines.append("\(view) \(folder.completeManifest?.modified(ofView: view) ?? 0)")
      }
      manifest.main?.views = [:]
      lines.append("\(manifest)")
    }
  }

  private mutating func add(_ folder: VersionFolder, _ path: String) {
    let count = folder.children(of: path).count { $0.entry == .folder }
    #expect(folder.subfolderCount(of: path) == count, "\(path)")
    // A folder's ctime moves with its entries.
    var properties = folder.status(ofFolder: path).properties
    properties.changed = nil
    lines.append("\(properties)")
    for (name, entry) in folder.children(of: path) {
      lines.append("\(path)/\(name) \(entry)")
      if entry == .folder { add(folder, path.isEmpty ? name : path + "/" + name) }
    }
  }
}
