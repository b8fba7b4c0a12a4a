import BlobStore
import StoreRecords
import Tensors

/// Looks for what the blobs of versions may be differences from.
///
/// That are the tensors of a version that people name, or of the active version, of the oldest one, and of the nearest before that is no
/// difference itself: while training goes on, a version that is too far from the oldest stands for itself, and later ones are differences
/// from it.
final class BaseSearch {
  private let records: RecordStore
  private let choice: CompressionBase
  /// What was read of versions; those that nobody asks for any more go.
  private var places: [String: TensorPlaces] = [:]
  private var versions: [ModelName: [Manifest]] = [:]
  /// Which version a blob is of that may be a base.
  private(set) var names: [Digest: String] = [:]
  let intact = IntactBlobs()

  /// How many versions before one are looked at.
  private static let limit = 64

  init(_ records: RecordStore, _ choice: CompressionBase) {
    self.records = records
    self.choice = choice
  }

  /// What each of some blobs of a version may be differences from.
  func resemblances(of blobs: [Digest], in manifest: Manifest) throws(StoreError) -> [Digest: [Resemblance]] {
    let candidates = try candidates(for: manifest)
    if candidates.isEmpty { return [:] }
    let own = try TensorPlaces(of: manifest, in: records)
    var known: [String: TensorPlaces] = [:]
    for candidate in candidates {
      let name = "\(candidate.model)/\(candidate.version)"
      do throws(StoreError) {
        let found: TensorPlaces
        if let read = places[name] { found = read } else { found = try TensorPlaces(of: candidate, in: records) }
        known[name] = found
        for blob in found.tables.keys { names[blob] = name }
      } catch  where error.code == .damaged {
        // It is no base, then; validation says more.
      }
    }
    places = known
    var found: [Digest: [Resemblance]] = [:]
    for blob in blobs {
      found[blob] = known.values.map { own.resemblance(of: blob, to: $0) }.filter { !$0.bases.isEmpty }
    }
    return found
  }

  private func candidates(for manifest: Manifest) throws(StoreError) -> [Manifest] {
    var found: [Manifest]
    switch choice {
    case .none: return []
    case .version(let model, let version):
      let model = model ?? manifest.model
      guard let version = version ?? records.activeVersion(of: model) else {
        throw StoreError(.unknownVersion, "\(model) has no active version; name another base, or none")
      }
      found = [try records.manifest(of: model, records.resolved(version, of: model))]
    case .best:
      let versions = try versions(of: manifest.model)
      let active = records.activeVersion(of: manifest.model)
      found = versions.filter { $0.version == active } + versions.prefix(1)
      let differences = try blobStore(try records.store.blobs.differences)
      let nearest = versions.filter { $0.published < manifest.published }.suffix(Self.limit).last { version in
        version.blobs.allSatisfy { differences[$0] == nil }
      }
      if let nearest { found.append(nearest) }
    }
    var seen: Set<VersionName> = []
    return found.filter { candidate in
      let isItself =
        candidate.model == manifest.model && candidate.version == manifest.version
        && candidate.published == manifest.published
      return !isItself && seen.insert(candidate.version).inserted
    }
  }

  /// The versions of a model, the oldest first.
  private func versions(of model: ModelName) throws(StoreError) -> [Manifest] {
    if let known = versions[model] { return known }
    var found: [Manifest] = []
    for version in try records.listing(of: model).published.keys {
      if let manifest = try records.folder(of: model, version)?.completeManifest { found.append(manifest) }
    }
    found.sort { ($0.published, $0.version) < ($1.published, $1.version) }
    versions[model] = found
    return found
  }
}
