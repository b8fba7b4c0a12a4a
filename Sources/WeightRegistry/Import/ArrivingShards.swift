import PosixIO
package import StoreRecords
import Tensors
package import WeightFormats

/// The set of shards that an import brings: its index is among the other files, and the weight file is one of them.
package struct ArrivingShards {
  private let index: ShardIndex

  /// nil if the weight file is no shard, or comes without an index.
  ///
  /// - Throws: `unacceptable` if the index is none, or names a file that does not come with it.
  init?(of request: ImportRequest) throws(StoreError) {
    let file = request.files.first { ShardIndex.names.contains($0.path) }
    guard FilePurpose(request.path) == .shard, let file else { return nil }
    let index = try Self.index(at: file.source)
    let coming = Set([request.path] + request.files.map(\.path))
    if let missing = index.files.first(where: { !coming.contains($0) }) {
      throw StoreError(.unacceptable(.truncated), "\(file.source) names \(missing), which is not beside it")
    }
    self.index = index
  }

  /// Reads an index of shards.
  ///
  /// - Throws: `unacceptable` if it is none.
  package static func index(at path: String) throws(StoreError) -> ShardIndex {
    let source = try posix(try FileSource(try OpenedFile.open(path)))
    guard source.byteCount <= ShardIndex.limit else {
      throw StoreError(.unacceptable(.malformed), "\(path) is too large for an index of shards")
    }
    let bytes = try parsing(path, try source.bytes(at: 0, count: source.byteCount, what: "the index"))
    guard let index = ShardIndex(bytes) else {
      throw StoreError(.unacceptable(.malformed), "\(path) is no index of shards")
    }
    return index
  }

  /// Whether the file at a path is one of the set.
  func holds(_ path: String) -> Bool { index.files.contains(path) }

  /// Makes one state dict of those arrivals that are shards. The others stay what they are.
  ///
  /// - Parameter store: keeps the table of the whole, and answers with its digest.
  /// - Throws: `unacceptable` if the index is wrong.
  func joined(
    _ arrivals: [Arrival], as name: String, storing store: (Table) throws(StoreError) -> Digest
  ) throws(StoreError) -> [Arrival] {
    var tables: [Table] = []
    var files: [Arrival.File] = []
    for path in index.files {
      let arrival = arrivals.first { $0.files.count == 1 && $0.files[0].record.path == path }
      guard let arrival, let contents = arrival.contents else { throw Self.notAShard(path) }
      tables.append(contents.table)
      files += arrival.files
    }
    let table = try Self.table(of: tables, from: index, as: name)
    return arrivals.filter { arrival in !arrival.weights.contains { holds($0.path) } }
      + [Arrival(files: files, table: table, digest: try store(table), source: .shards)]
  }

  /// The table of a whole set, whose parts are in the order of its index.
  ///
  /// - Parameter name: names the set in errors.
  /// - Throws: `unacceptable` if the index says something else than the parts.
  static func table(of parts: [Table], from index: ShardIndex, as name: String) throws(StoreError) -> Table {
    let contents = zip(index.files, parts).map { file, table in
      (file: file, names: table.stateDict.tensors.map(\.name))
    }
    if let mistake = index.mistake(comparedWith: contents) {
      throw StoreError(.unacceptable(.malformed), "\(name): \(mistake)")
    }
    return try Table(joining: parts)
  }

  static func notAShard(_ name: String) -> StoreError {
    StoreError(.unacceptable(.unsupported), "\(name) is a part of a set of weights, and holds none that are read here")
  }
}
