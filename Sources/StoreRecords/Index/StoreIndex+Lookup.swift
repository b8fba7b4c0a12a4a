import FoundationEssentials
import GRDB
import PosixIO
package import Tensors

extension StoreIndex {
  /// Packs that should hold bytes which somebody looks for, by what they would save, largest first; each with the tables
  /// that name it. What is said here has to be checked: the index may be out of date.
  package func packs(holding keys: Set<StorageKey>) -> [(pack: Digest, tables: [Digest])] {
    let found = read { database -> [(pack: Digest, tables: [Digest])] in
      let savings = try savings(of: keys, database)
      return try savings.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.compactMap { pack, _ in
        let digest = try Data.fetchOne(database, sql: "SELECT digest FROM packs WHERE id = ?", arguments: [pack])
        let tables = try Data.fetchAll(
          database, sql: "SELECT digest FROM tables JOIN tablePacks ON \"table\" = id WHERE pack = ?", arguments: [pack]
        )
        return digest.flatMap(Digest.init(bytes:)).map { ($0, tables.compactMap(Digest.init(bytes:))) }
      }
    }
    return found ?? []
  }

  /// How many storages one query looks for.
  private static let keyCount = 64

  /// Bytes that each pack has of what somebody looks for.
  private func savings(of keys: Set<StorageKey>, _ database: Database) throws -> [Int64: Int] {
    var savings: [Int64: Int] = [:]
    // In the order of the index, so that what is near in it comes one after another.
    let digests = keys.map(\.digest).sorted()
    func query(_ count: Int) -> String {
      "SELECT pack, byteCount FROM segments WHERE digest IN (\(repeatElement("?", count: count).joined(separator: ", ")))"
    }
    let usual = query(Self.keyCount)
    for start in stride(from: 0, to: digests.count, by: Self.keyCount) {
      let sought = digests[start..<min(start + Self.keyCount, digests.count)]
      let rows = try Row.fetchCursor(
        try database.cachedStatement(sql: sought.count == Self.keyCount ? usual : query(sought.count)),
        arguments: StatementArguments(sought.map(\.data.databaseValue)))
      while let row = try rows.next() {
        savings[try row.decode(Int64.self, atIndex: 0), default: 0] &+= try row.decode(Int.self, atIndex: 1)
      }
    }
    return savings
  }

  /// What the versions of a model show; nil if its folders are not as they were when all manifests in them had been taken over,
  /// or one of them could not be read.
  func figures(of model: ModelName) throws(StoreError) -> ModelFigures? {
    var stamps: [(path: String, status: FileStatus)] = []
    for (label, parent) in [("models", store.models), ("checkpoints", store.checkpoints)] {
      if let status = try posix(try parent?.status(of: model.text)) { stamps.append(("\(label)/\(model)", status)) }
    }
    let found = read { database -> ModelFigures? in
      var figures = ModelFigures()
      for (path, status) in stamps {
        let folder = try database.cachedStatement(sql: "SELECT inode, modified FROM folders WHERE path = ?")
        guard let known = try Row.fetchOne(folder, arguments: [path]) else { return nil }
        let stamp = [try known.decode(Int64.self, atIndex: 0), try known.decode(Int64.self, atIndex: 1)]
        guard stamp == [Int64(bitPattern: status.inode), status.modified] else { return nil }
        let sums = try database.cachedStatement(
          sql: """
            SELECT COUNT(*), COUNT(files), SUM(files), SUM(presentedBytes), SUM(hiddenFiles) FROM manifests
            WHERE folder = ?
            """)
        guard let row = try Row.fetchOne(sums, arguments: [path]) else { return nil }
        let (versions, readable) = (try row.decode(Int.self, atIndex: 0), try row.decode(Int.self, atIndex: 1))
        guard versions == readable else { return nil }
        figures =
          figures
          + ModelFigures(
            versions: versions, files: try row.decode(Int?.self, atIndex: 2) ?? 0,
            presentedBytes: try row.decode(Int?.self, atIndex: 3) ?? 0,
            hiddenFiles: try row.decode(Int?.self, atIndex: 4) ?? 0)
      }
      return figures
    }
    return found.flatMap(\.self)
  }

  /// What a manifest says of a stitched file with the id `blob`, if there is one.
  package func stitched(_ blob: Digest) -> WeightRecord? {
    let found = read { database in
      try Data.fetchOne(database, sql: "SELECT original FROM stitched WHERE blob = ?", arguments: [blob.data])
    }
    do throws(StoreError) {
      return try found.flatMap(\.self).map { data throws(StoreError) in
        try StoreCoding.decode(WeightRecord.self, from: Array(data), what: "index.sqlite")
      }
    } catch {
      return nil
    }
  }

  /// Forgets what has been collected.
  package func keepOnly(_ live: Set<Digest>, contents: Set<Digest>) throws(StoreError) {
    guard read({ _ in true }) == true else { return }
    _ = try write { database in
      var havePacksGone = false
      for (table, column, kept) in [
        ("packs", "digest", live), ("tables", "digest", live), ("stitched", "blob", contents),
        ("sums", "content", contents),
      ] {
        for data in try Data.fetchAll(database, sql: "SELECT DISTINCT \(column) FROM \(table)") {
          if let digest = Digest(bytes: data), kept.contains(digest) { continue }
          try database.execute(sql: "DELETE FROM \(table) WHERE \(column) = ?", arguments: [data])
          havePacksGone = havePacksGone || table == "packs"
        }
      }
      if havePacksGone { try database.execute(sql: "DELETE FROM segments WHERE pack NOT IN (SELECT id FROM packs)") }
    }
  }
}
