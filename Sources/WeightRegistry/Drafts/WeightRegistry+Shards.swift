import BlobStore
import Glibc
import Logging
import PosixIO
import Synchronization
import SystemPackage
import Tensors
import WeightFormats

/// A weight file, one of several that make up a state dict, that has come under a name.
package struct Shard: Sendable {
  package enum Source: Sendable {
    case upload(Upload, modified: Int64)
    /// Bytes of another version's shard: they and their table are stored already.
    case copy(Manifest.Original)
  }

  package var name: String
  package var source: Source

  package init(_ name: String, _ source: Source) {
    self.name = name
    self.source = source
  }
}

extension WeightRegistry {
  /// Publishes a state dict that came in several files, which stay as they are; the views are synthesized from all of them.
  /// The uploads go; if this throws, they are still there.
  ///
  /// - Parameters:
  ///   - names: the files that make up the state dict, in order.
  ///   - shards: those of them that have come; the others are published already.
  /// - Throws: `differentWeights` if the version is published with another state dict.
  package func publish(
    shards: [Shard], among names: [String], of model: ModelName,
    _ version: VersionName,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) {
    try requireWriting()
    let manifest = try withUploadLock { () throws(RegistryError) in
      var tables: [Table] = []
      var parts: [Manifest.Original] = []
      for name in names {
        let upload: Upload
        let modified: Int64
        switch shards.first(where: { $0.name == name })?.source {
        case .upload(let file, let time): (upload, modified) = (file, time)
        case .copy(var original):
          original.view = name
          tables.append(try self.table(original.table))
          parts.append(original)
          continue
        case nil:
          guard let part = try self.manifest(of: model, version).part(name) else {
            throw RegistryError(.unknownView, "\(model)/\(version) has no file \(name)")
          }
          tables.append(try self.table(part.table))
          continue
        }
        let view = ImportRequest.view(forExtension: FilePath(name).extension ?? "") ?? ""
        let ingest = try blobStore(try store.blobs.beginIngest(takingOver: upload))
        let size = try posix(try upload.file.status().size)
        let done = Atomic(0)
        let staged = try StagedWeights.upload(ingest, fileName: name, as: view, in: store.blobs) { count in
          progress(.importing, min(done.add(count, ordering: .relaxed).newValue, size), size)
        }
        var (table, original) = try keep(staged, as: view, modified: modified)
        original.view = name
        tables.append(table)
        parts.append(original)
      }
      let table = try Table(joining: tables)
      let record = try StoreCoding.encode(table, pretty: false)
      let blob = try blobStore(try store.blobs.store(record))
      return try publishing.withLock { (_: inout sending Void) throws(RegistryError) in
        var manifest: Manifest
        if contains(model, version) {
          manifest = try self.manifest(of: model, version)
          let published = try self.table(manifest.table)
          try requireSameWeights(table, as: published, in: "\(model)/\(version)")
          manifest.tablePacks = published.packs.map(\.blob)
        } else {
          manifest = Manifest(
            model: model, version: version, table: blob, tablePacks: table.packs.map(\.blob),
            tensorCount: table.stateDict.tensors.count, parameterCount: table.stateDict.parameterCount, originals: [],
            parts: nil, views: [:], sidecars: draft(of: model, version)?.files.compactMap(\.sidecar) ?? [],
            provenance: .init(source: "\(shards.count) shards", uid: getuid(), time: Timestamp.now()))
          manifest.sidecars.sort { $0.path < $1.path }
          manifest.views = sizes(of: manifest, table: table)
        }
        let names = Set(parts.map(\.view))
        manifest.sidecars.removeAll { names.contains($0.path) }
        manifest.parts = (manifest.parts ?? []).filter { !names.contains($0.view) } + parts
        for name in names { manifest.show(name) }
        let place = self.place(of: model, version) ?? (version.looksLikeCheckpoint ? .checkpoints : .models)
        try publish(manifest, at: place, activating: false)
        return manifest
      }
    }
    try changeDraft(model, version) { draft in
      draft.files.removeAll { $0.sidecar != nil }
      for shard in shards { draft.remove(shard.name) }
    }
    for case .upload(let upload, _) in shards.map(\.source) { try discardUpload(named: upload.name) }
    logger.info("import: \(model)/\(version) from \(shards.count) shards (\(manifest.tensorCount) tensors)")
  }
}

extension Table {
  /// One state dict of several, their tensors in that order.
  ///
  /// - Throws: `unacceptable` if two of them have a tensor of one name.
  init(joining tables: [Table]) throws(RegistryError) {
    var state = StateDict(tensors: [], storageSizes: [])
    var assembly: (packs: [Pack], storages: [Storage]) = ([], [])
    var partialDigests: [Int: Digest] = [:]
    var names: Set<ByteString> = []
    for table in tables {
      let (tensors, storages) = (state.tensors.count, state.storageSizes.count)
      var packs: [Int] = []
      for pack in table.packs {
        let known = assembly.packs.firstIndex { $0.blob == pack.blob }
        packs.append(known ?? assembly.packs.count)
        if known == nil { assembly.packs.append(pack) }
      }
      for tensor in table.stateDict.tensors {
        var tensor = tensor
        guard names.insert(ByteString(tensor.name)).inserted else {
          throw RegistryError(.unacceptable(.malformed), "tensor \"\(tensor.name)\" is in two shards")
        }
        tensor.storage += storages
        tensor.sameObjectAs = tensor.sameObjectAs.map { $0 + tensors }
        state.tensors.append(tensor)
      }
      state.storageSizes += table.stateDict.storageSizes
      for storage in table.storages {
        var storage = storage
        storage.pack = storage.pack.map { packs[$0] }
        assembly.storages.append(storage)
      }
      for (tensor, digest) in table.partialDigests { partialDigests[tensor + tensors] = digest }
    }
    self.init(
      stateDict: state, packs: assembly.packs, storages: assembly.storages, partialDigests: partialDigests, stitch: nil)
    try checkConsistency()
  }
}
