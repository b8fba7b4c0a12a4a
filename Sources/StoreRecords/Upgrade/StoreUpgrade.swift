import BlobStore
import PosixIO
import Tensors

/// Takes a store to the newest format, and back.
///
/// Every record is first copied into `.upgrade/format-<n>/`; then `weight_config.json` is replaced by a mark that no Tantra
/// opens as a store; then records are rewritten from the copies; `weight_config.json` comes last. After a crash the upgrade
/// starts again from the copies, or is rolled back.
package struct StoreUpgrade {
  /// What was done.
  package struct Report: Sendable, Hashable, Codable {
    package var from: Int
    package var to: Int
    /// Records that were rewritten or brought back.
    package var records: Int
    /// What each step changed.
    package var steps: [String]

    package init(from: Int, to: Int, records: Int, steps: [String]) {
      self.from = from
      self.to = to
      self.records = records
      self.steps = steps
    }
  }

  /// What `weight_config.json` says of the store's format.
  struct Header: Codable {
    var format: Int
    /// The format that a store is on its way from; nil if it is not on its way.
    var upgradingFrom: Int?

    /// - Throws: `olderFormat`, `newerFormat`, saying what to do, if this software cannot use the store.
    func check() throws(StoreError) {
      if upgradingFrom != nil {
        throw StoreError(
          .olderFormat,
          "an upgrade of the store to format \(format) was interrupted: finish it with tantra upgrade-store, or take it "
            + "back with tantra upgrade-store --rollback")
      }
      guard format >= WeightConfig.oldestFormat else {
        throw StoreError(
          .olderFormat,
          "the store has format \(format), and this Tantra needs format \(WeightConfig.oldestFormat) at least: run "
            + "tantra upgrade-store, which can be taken back")
      }
      guard format <= WeightConfig.currentFormat else {
        throw StoreError(
          .newerFormat,
          "the store has format \(format), and this Tantra knows formats up to \(WeightConfig.currentFormat); use a newer "
            + "Tantra")
      }
    }
  }

  private let store: StoreFolder
  private let lock: FileLock
  private let steps: [StoreUpgradeStep]
  private static let limit = RecordLimits().manifest
  static let folderName = ".upgrade"

  /// Takes the store's lock until this value goes.
  ///
  /// - Throws: `noStore`; `locked`.
  package init(storePath: String, steps: [StoreUpgradeStep] = StoreUpgradeStep.all) throws(StoreError) {
    _ = try StoreFolder(path: storePath, creating: false)
    store = try StoreFolder(path: storePath, creating: true)
    lock = try store.lock(.current())
    self.steps = steps
  }

  /// The newest format that `steps` lead to.
  private var target: Int { 1 + steps.count }

  /// Takes the store to the newest format; a store that has it already is left alone.
  ///
  /// - Throws: `newerFormat`; what a step throws, before anything has changed.
  package func run() throws(StoreError) -> Report {
    let header = try readHeader()
    let from = header.upgradingFrom ?? header.format
    guard (1...target).contains(from) else {
      throw StoreError(.newerFormat, "the store has format \(from), and this Tantra knows formats 1 to \(target)")
    }
    if from == target, header.upgradingFrom == nil { return Report(from: from, to: from, records: 0, steps: []) }
    if header.upgradingFrom == nil { try keepRecords(of: from) }
    let pending = Array(steps[(from - 1)...])
    let rewritten = try rewrite(try backup(of: from), by: pending, to: target)
    try write(StoreFolder.configName, try StoreCoding.encode(Header(format: target, upgradingFrom: from), pretty: true))
    try replaceRecords(with: rewritten)
    return Report(from: from, to: target, records: rewritten.count, steps: pending.map(\.summary))
  }

  /// The records that steps make of those that were kept.
  private func rewrite(
    _ kept: Folder, by steps: [StoreUpgradeStep], to format: Int
  ) throws(StoreError) -> [String: [UInt8]] {
    var rewritten: [String: [UInt8]] = [:]
    for path in try Self.records(in: kept) {
      var records = [path: try read(path, in: kept)]
      for step in steps {
        var next: [String: [UInt8]] = [:]
        for (path, bytes) in records { next.merge(try step.rewrite(path, bytes)) { _, new in new } }
        records = next
      }
      rewritten.merge(records) { _, new in new }
    }
    rewritten[StoreFolder.configName] = try rewritten[StoreFolder.configName].map { (bytes) throws(StoreError) in
      try Self.setFormat(format, in: bytes)
    }
    return rewritten
  }

  /// Takes the store back to the format that it had before the last upgrade, or before one that was interrupted.
  ///
  /// - Throws: `unknownVersion` if there was none; `alreadyExists` if versions have come or gone since: what has come could
  ///   not be read in the older format, and what has gone may have lost its blobs.
  package func rollback() throws(StoreError) -> Report {
    let header = try readHeader()
    let folder = try posix(try store.root.makeFolder(Self.folderName))
    let earlier = try posix(try folder.names()).compactMap { name in
      name.hasPrefix("format-") ? Int(name.dropFirst(7)) : nil
    }.filter { $0 < header.format }
    guard let from = header.upgradingFrom ?? earlier.max() else {
      throw StoreError(.unknownVersion, "the store at \(store.path) has not been upgraded")
    }
    let kept = try backup(of: from)
    let before = Set(try Self.records(in: kept))
    let now = Set(try Self.records(in: store.root))
    // What the older format keeps elsewhere.
    let isApart = { (path: String) in
      [StoreFolder.historyName + "/", "folders/", ".staging/"].contains { path.hasPrefix($0) }
    }
    let changed = before.symmetricDifference(now).filter { !isApart($0) }
    if header.upgradingFrom == nil {
      if let other = changed.min() {
        throw StoreError(
          .alreadyExists,
          "\(other) has \(now.contains(other) ? "come" : "gone") since the upgrade; rolling back needs the versions that "
            + "there were then")
      }
      try requireFolders(
        of: rewrite(kept, by: Array(steps[(from - 1)..<(header.format - 1)]), to: header.format), among: now)
    }
    var records: [String: [UInt8]] = [:]
    for path in before { records[path] = try read(path, in: kept) }
    try requireBlobs(of: records)
    if from < StoreUpgradeStep.firstWithPackedBlobs { try thawBlobs() }
    try write(
      StoreFolder.configName, try StoreCoding.encode(Header(format: header.format, upgradingFrom: from), pretty: true))
    // What the older format has no place for.
    for path in now.subtracting(before) where isApart(path) {
      let (folder, name) = try split(path, in: store.root)
      try posix(try folder.removeFile(name))
    }
    try replaceRecords(with: records)
    return Report(from: header.format, to: from, records: records.count, steps: [])
  }

  /// - Throws: `alreadyExists` if files have come into versions' folders, or gone, since the upgrade.
  private func requireFolders(of upgraded: [String: [UInt8]], among now: Set<String>) throws(StoreError) {
    let isFolder = { (path: String) in path.hasPrefix("folders/") && !path.hasSuffix("/") }
    for path in now.union(upgraded.keys).filter(isFolder).sorted() {
      if now.contains(path), try upgraded[path] == read(path, in: store.root) { continue }
      throw StoreError(
        .alreadyExists, "files that \(path) tells of have come or gone since the upgrade; rolling back would lose them")
    }
  }

  // MARK: Records

  /// Paths of all records, relative to the folder that they are in.
  private static func records(in root: Folder) throws(StoreError) -> [String] {
    var paths: [String] = []
    do throws(PosixError) {
      for kind in try root.names() {
        switch kind {
        case StoreFolder.configName: paths.append(kind)
        case StoreFolder.historyName, ".staging":
          let names = try root.folder(kind).names()
          paths += names.filter { $0.hasSuffix(".jsonl") || $0 == StoreUpgradeStep.draftsName }.map { "\(kind)/\($0)" }
        case "models", "checkpoints", "backups", "folders":
          let folder = try root.folder(kind)
          for model in try folder.names() where try folder.status(of: model)?.kind == .directory {
            let names = try folder.folder(model).names()
            paths += names.filter { $0.hasSuffix(kind == "folders" ? ".jsonl" : ".json") }.map {
              "\(kind)/\(model)/\($0)"
            }
          }
        default: break
        }
      }
    } catch {
      throw StoreError(error)
    }
    return paths.sorted()
  }

  /// - Throws: `alreadyExists` if a blob that a record names is gone: a purge has moved what it had to another pack.
  private func requireBlobs(of records: [String: [UInt8]]) throws(StoreError) {
    for (path, bytes) in records {
      let blobs: Set<Digest>
      switch path.prefix(while: { $0 != "/" }) {
      case "models", "checkpoints": blobs = try Manifest.read(bytes, what: path).blobs
      case "backups": blobs = try StoreCoding.decode(BackupRecord.self, from: bytes, what: path).manifest.blobs
      default: continue
      }
      for blob in blobs where try !blobStore(try store.blobs.contains(blob)) {
        throw StoreError(
          .alreadyExists, "the store cannot go back: \(path) as it was needs the blob \(blob), which has gone since")
      }
    }
  }

  /// Makes every compressed blob a plain file: to an older format it would be missing. Each of them is whole at any moment.
  private func thawBlobs() throws(StoreError) {
    let packing = BlobPacking(store.blobs)
    for blob in try blobStore(try packing.packedBlobs()) {
      _ = try blobStore(try packing.thaw(blob, nil) { _ in true })
    }
  }

  private func backup(of format: Int) throws(StoreError) -> Folder {
    try posix(try store.root.makeFolder(Self.folderName).makeFolder("format-\(format)"))
  }

  /// Copies every record, durably. What an interrupted attempt has left is removed first.
  private func keepRecords(of format: Int) throws(StoreError) {
    let folder = try backup(of: format)
    for path in try Self.records(in: folder) {
      let (parent, name) = try split(path, in: folder)
      try posix(try parent.removeFile(name))
    }
    for path in try Self.records(in: store.root) { try write(path, try read(path, in: store.root), in: folder) }
  }

  /// Writes all records, `weight_config.json` last: it is what makes them count.
  private func replaceRecords(with records: [String: [UInt8]]) throws(StoreError) {
    for (path, bytes) in records.sorted(by: { $0.key < $1.key }) where path != StoreFolder.configName {
      // A folder without a record has one name more to come.
      if path.hasSuffix("/") { _ = try split(path + ".", in: store.root) } else { try write(path, bytes) }
    }
    guard let config = records[StoreFolder.configName] else {
      throw StoreError(.damaged, "\(StoreFolder.configName) is missing among what was kept")
    }
    try write(StoreFolder.configName, config)
  }

  private func split(_ path: String, in root: Folder) throws(StoreError) -> (Folder, String) {
    let parts = path.split(separator: "/").map(String.init)
    var folder = root
    for part in parts.dropLast() { folder = try posix(try folder.makeFolder(part)) }
    return (folder, parts.last ?? path)
  }

  private func read(_ path: String, in root: Folder) throws(StoreError) -> [UInt8] {
    let (folder, name) = try split(path, in: root)
    return try posix(try folder.contents(of: name, limit: Self.limit))
  }

  private func write(_ path: String, _ bytes: [UInt8], in root: Folder? = nil) throws(StoreError) {
    let (folder, name) = try split(path, in: root ?? store.root)
    let staging = try store.stagingForWriting
    try posix(try folder.replace(name, with: bytes, staging: staging))
  }

  // MARK: The format number

  private func readHeader() throws(StoreError) -> Header {
    try StoreCoding.decode(
      Header.self, from: try read(StoreFolder.configName, in: store.root), what: StoreFolder.configName)
  }

  /// `config` with another format number, and nothing else changed.
  private static func setFormat(_ format: Int, in config: [UInt8]) throws(StoreError) -> [UInt8] {
    let text = String(decoding: config, as: UTF8.self)
    guard let key = text.firstRange(of: "\"format\""),
      let number = text[key.upperBound...].firstIndex(where: \.isNumber)
    else { throw StoreError(.damaged, "\(StoreFolder.configName) has no format number") }
    let end = text[number...].firstIndex { !$0.isNumber } ?? text.endIndex
    return Array((text[..<number] + "\(format)" + text[end...]).utf8)
  }
}
