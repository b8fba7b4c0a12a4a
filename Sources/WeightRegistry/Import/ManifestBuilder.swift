import Glibc
import Logging
import StoreRecords
import Tensors
import WeightFormats

/// Makes the manifest of a version from what is published under its name and the weight files that come: the one place.
struct ManifestBuilder {
  let records: RecordStore

  /// A weight file that comes, and the table of the state dict that is in it.
  struct Arrival {
    var record: WeightRecord
    var table: Table
  }

  /// What a version's folder becomes with a state dict that came under the names of its files.
  ///
  /// - Parameters:
  ///   - before: what is there; a draft's files become part of the version.
  ///   - table: the whole state dict, by its digest: that of the one file, or of all shards together.
  ///   - source: where the weights came from, for a new version.
  ///   - compared: the table of the version that is there and the main state dict of it; nil for a new version.
  /// - Throws: `differentWeights`.
  func folder(
    _ before: VersionFolder, with files: [WeightRecord], of table: Table, _ digest: Digest, from source: String,
    comparedWith published: Table?
  ) throws(StoreError) -> VersionFolder {
    var folder = before
    var manifest: Manifest
    if let known = before.manifest, let published {
      try Self.requireSameWeights(table, as: published, in: "\(before.model)/\(before.version)")
      manifest = known
    } else {
      manifest = Manifest(
        model: before.model, version: before.version, main: nil, weights: [],
        provenance: .init(source: source, uid: getuid(), time: Timestamp.now()))
      manifest.main = .init(
        table: digest, packs: table.packs.map(\.blob), tensorCount: table.stateDict.tensors.count,
        parameterCount: table.stateDict.parameterCount)
    }
    for file in files { manifest.put(file) }
    let sizes = sizes(of: manifest, published ?? table)
    manifest.main?.views = sizes
    folder.replaceManifest(with: manifest)
    for file in files {
      // What was kept, or lay there as an ordinary file, under the name of a weight file is that file now.
      if folder.file(at: file.path) != nil { folder.apply(.remove(file.path)) }
      folder.apply(.show(file.path))
    }
    return folder
  }

  /// Size of each view that can hold the weights.
  private func sizes(of manifest: Manifest, _ table: Table) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for view in WeightFormatCatalogue.views {
      if let original = manifest.original(servedAs: view.name) {
        sizes[view.name] = original.byteCount
        continue
      }
      do throws(FormatError) {
        sizes[view.name] = try view.format.layout(of: table.stateDict, checksums: table.checksums).byteCount
      } catch {
        records.logger.warning("\(manifest.model)/\(manifest.version) has no \(view.fileName): \(error.message)")
      }
    }
    return sizes
  }

  /// - Throws: `differentWeights`, naming the first tensor that differs.
  static func requireSameWeights(
    _ new: Table, as published: Table, in subject: String
  ) throws(StoreError) {
    guard let difference = StateDictDifference.first(published, new) else { return }
    throw StoreError(
      .differentWeights,
      "\(subject) is published with other weights (\(difference)); "
        + "a published state dict never changes: import this file as a new version")
  }
}
