import BlobStore
import FoundationEssentials
import GRDB
import Logging
import PosixIO
import Tensors

extension StoreIndex {
  private struct KeptRecord: Decodable {
    var manifest: Manifest
  }

  /// A manifest that is new to the index.
  private struct Arrival {
    var folder: String
    var name: String
    var status: FileStatus
    var content: Folder
  }

  /// A folder whose time is no older than this may have changed after it was looked at, within the clock's grain.
  private static let grain: Int64 = 2_000_000_000

  /// Takes over what has changed in the folders of manifests. What cannot be read is left out: it is of no use.
  ///
  /// A look at each model's folder if nothing has changed.
  ///
  /// - Parameter progress: manifests read.
  package func update(progress: @escaping ProgressHandler = { _, _, _ in true }) throws(StoreError) {
    let start = ContinuousClock.now
    let count = try takeChanges(progress)
    guard count > 0 else { return }
    let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
    logger.info("index: \(count) manifests taken over in \(milliseconds) ms")
  }

  /// - Returns: how many manifests were read.
  private func takeChanges(_ progress: ProgressHandler) throws(StoreError) -> Int {
    try write { database in
      var arrivals: [Arrival] = []
      var stamps: [(path: String, status: FileStatus)] = []
      let now = Timestamp.now()
      var known = try Row.fetchAll(database, sql: "SELECT path, inode, modified FROM folders")
        .reduce(into: [String: [Int64]]()) { known, row in
          known[try row.decode(String.self, atIndex: 0)] = [
            try row.decode(Int64.self, atIndex: 1), try row.decode(Int64.self, atIndex: 2),
          ]
        }
      for (label, parent) in [
        ("models", store.models), ("checkpoints", store.checkpoints), ("backups", store.backups),
      ] {
        guard let parent else { continue }
        for name in try parent.names() {
          guard let status = try parent.status(of: name), status.kind == .directory else { continue }
          let path = "\(label)/\(name)"
          let isSettled = Timestamp.age(of: status.modified, at: now) > Self.grain
          if known.removeValue(forKey: path) == [Int64(bitPattern: status.inode), status.modified], isSettled {
            continue
          }
          arrivals += try changes(in: try parent.folder(name), path, database)
          // One that may still change within the clock's grain is looked at again the next time.
          if isSettled { stamps.append((path, status)) }
        }
      }
      for path in known.keys {
        try database.execute(sql: "DELETE FROM folders WHERE path = ?", arguments: [path])
        try database.execute(sql: "DELETE FROM manifests WHERE folder = ?", arguments: [path])
      }
      for (index, arrival) in arrivals.enumerated() {
        try take(arrival, database)
        guard progress(.indexing, index + 1, arrivals.count) else { throw StoreError(.interrupted, "stopped") }
      }
      for (path, status) in stamps {
        try database.execute(
          sql: "INSERT OR REPLACE INTO folders VALUES (?, ?, ?)",
          arguments: [path, Int64(bitPattern: status.inode), status.modified])
      }
      return arrivals.count
    } ?? 0
  }

  /// The manifests of a folder that are not known as they are; forgets those that are gone.
  private func changes(in folder: Folder, _ path: String, _ database: Database) throws -> [Arrival] {
    var known = try Row.fetchAll(
      database, sql: "SELECT name, inode, byteCount, modified FROM manifests WHERE folder = ?", arguments: [path]
    ).reduce(into: [String: [Int64]]()) { known, row in
      known[try row.decode(String.self, atIndex: 0)] = try (1...3).map { try row.decode(Int64.self, atIndex: $0) }
    }
    var arrivals: [Arrival] = []
    for name in try folder.names() where name.hasSuffix(".json") {
      guard let status = try folder.status(of: name), status.kind == .regular else { continue }
      if known.removeValue(forKey: name) == [Int64(bitPattern: status.inode), Int64(status.size), status.modified] {
        continue
      }
      arrivals.append(Arrival(folder: path, name: name, status: status, content: folder))
    }
    for name in known.keys {
      try database.execute(sql: "DELETE FROM manifests WHERE folder = ? AND name = ?", arguments: [path, name])
    }
    return arrivals
  }

  private func take(_ arrival: Arrival, _ database: Database) throws {
    let manifest = try manifest(of: arrival)
    for original in manifest?.weights ?? [] {
      if original.isStitched {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO stitched VALUES (?, ?)")
          .execute(arguments: [original.blob.data, Data(try StoreCoding.encode(original, pretty: false))])
      }
      guard let digest = original.table else { continue }
      let seen = try database.cachedStatement(sql: "SELECT 1 FROM tables WHERE digest = ?")
      if try Int.fetchOne(seen, arguments: [digest.data]) == nil {
        let new = try original.packs.filter { try number(ofPack: $0, database) == nil }
        let segments: [Digest: SegmentTable]
        do throws(StoreError) { segments = new.isEmpty ? [:] : try files.segments(of: Set(new), in: digest) } catch {
          // A damaged table is for validation to report.
          guard case .damaged = error.code else { throw error }
          continue
        }
        try enter(digest, naming: original.packs, segments, database)
      }
    }
    try database.cachedStatement(sql: "INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .execute(
        arguments: [
          arrival.folder, arrival.name, Int64(bitPattern: arrival.status.inode), arrival.status.size,
          arrival.status.modified, manifest?.figures.files, manifest?.figures.presentedBytes,
          manifest?.figures.hiddenFiles,
        ])
  }

  /// The manifest in a file; nil if it cannot be read, which others report.
  private func manifest(of arrival: Arrival) throws -> Manifest? {
    do throws(StoreError) {
      let bytes = try posix(try arrival.content.contents(of: arrival.name, limit: files.limits.manifest))
      return arrival.folder.hasPrefix("backups/")
        ? try StoreCoding.decode(KeptRecord.self, from: bytes, what: arrival.name).manifest
        : try Manifest.read(bytes, what: arrival.name)
    } catch {
      return nil
    }
  }

  /// The number of a pack that is known.
  private func number(ofPack blob: Digest, _ database: Database) throws -> Int64? {
    try Int64.fetchOne(
      try database.cachedStatement(sql: "SELECT id FROM packs WHERE digest = ?"), arguments: [blob.data])
  }

  /// - Parameters:
  ///   - packs: what the table names.
  ///   - segments: those of the packs that are new to the index.
  private func enter(
    _ table: Digest, naming packs: [Digest], _ segments: [Digest: SegmentTable], _ database: Database
  ) throws {
    try database.execute(sql: "INSERT INTO tables(digest) VALUES (?)", arguments: [table.data])
    let id = database.lastInsertedRowID
    for pack in packs {
      var number = try number(ofPack: pack, database)
      if number == nil, let segments = segments[pack] {
        try database.execute(sql: "INSERT INTO packs(digest) VALUES (?)", arguments: [pack.data])
        number = database.lastInsertedRowID
        try enter(segments.segments, ofPack: database.lastInsertedRowID, database)
      }
      guard let number else { continue }
      try database.execute(sql: "INSERT OR IGNORE INTO tablePacks VALUES (?, ?)", arguments: [number, id])
    }
  }

  /// How many rows one statement adds.
  private static let rowCount = 64

  /// In the order of their digests, so that what is near in the index comes one after another.
  private func enter(_ segments: [SegmentTable.Segment], ofPack pack: Int64, _ database: Database) throws {
    let sorted = segments.sorted { $0.digest < $1.digest }
    for start in stride(from: 0, to: sorted.count, by: Self.rowCount) {
      let rows = sorted[start..<min(start + Self.rowCount, sorted.count)]
      let values = repeatElement("(?, ?, ?)", count: rows.count).joined(separator: ", ")
      let insert = try database.cachedStatement(sql: "INSERT OR IGNORE INTO segments VALUES \(values)")
      var arguments: [DatabaseValue] = []
      for row in rows {
        arguments += [row.digest.data.databaseValue, row.byteCount.databaseValue, pack.databaseValue]
      }
      try insert.execute(arguments: StatementArguments(arguments))
    }
  }
}
