import BlobStore
import Logging
import PosixIO
package import StoreRecords
import Tensors
package import WeightFormats

/// A weight file, one of several that make up a state dict, that has come under a name.
package struct Shard: Sendable {
  package enum Source: Sendable {
    case upload(Upload, modified: Int64)
    /// Bytes of another version's weight file: they and their table are stored already.
    case copy(WeightRecord)
  }

  package var name: String
  package var source: Source

  package init(_ name: String, _ source: Source) {
    self.name = name
    self.source = source
  }
}

extension Import {
  /// Publishes a state dict that came in several files, which stay as they are; the views are synthesized from all of them.
  /// The uploads go; if this throws, they are still there.
  ///
  /// - Parameters:
  ///   - shards: those of its files that have come; the others are published already. There may be none if only the index is new.
  ///   - refusing: whether another state dict than the published one is refused, and makes no edition.
  ///   - index: what says which file has which tensor.
  /// - Throws: `unacceptable` if the index is wrong; `system(EPERM)` if the version is frozen and published with another state dict.
  package func publish(
    shards: [Shard], as index: ShardIndex, of model: ModelName, _ version: VersionName,
    refusing: Bool = false, if condition: PublicationCondition = .always,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) {
    try records.requireWriting()
    let pins = records.store.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    var tables: [Table] = []
    var files: [Arrival.File] = []
    for name in index.files {
      switch shards.first(where: { $0.name == name })?.source {
      case .upload(let upload, let modified):
        let arrival = try store(upload, at: name, modified: modified, pins, progress)
        guard let contents = arrival.contents else { throw ArrivingShards.notAShard(name) }
        tables.append(contents.table)
        files += arrival.files
      case .copy(var record):
        record.path = name
        pins.pin(record.blobs)
        guard let table = try table(of: record) else { throw ArrivingShards.notAShard(name) }
        tables.append(table)
        files.append(.init(record, table))
      case nil:
        guard let part = try records.folder(of: model, version)?.manifest?.weightFile(name) else {
          throw StoreError(.unknownView, "\(model)/\(version) has no file \(name)")
        }
        guard let table = try table(of: part) else { throw ArrivingShards.notAShard(name) }
        tables.append(table)
      }
    }
    let table = try ArrivingShards.table(of: tables, from: index, as: "\(model)/\(version)")
    if shards.isEmpty { return }
    let digest = try WeightKeeping(records: records, pins: pins).store(table)
    let source = shards.count == 1 ? shards[0].name : "\(shards.count) shards"
    let manifest = try publish(
      [Arrival(files: files, table: table, digest: digest, source: .shards)], as: model, version, from: source,
      refusing: refusing, if: condition, unless: Interruption(progress))
    for case .upload(let upload, _) in shards.map(\.source) { try records.uploads.discard(upload.name) }
    tell(of: files.map(\.record), manifest, from: source)
  }
}
