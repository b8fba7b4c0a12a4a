package import PosixIO
package import StoreRecords
import Tensors

/// What is under a tag of a remote.
package struct RemoteListing: Sendable, Hashable, Codable {
  package var tag: String
  /// nil if it could not be found out.
  package var digest: OCIDigest?
  /// nil for what was not pushed by Tantra.
  package var model: String?
  package var version: String?
  /// Bytes of all layers.
  package var byteCount: Int?
  /// Why the manifest cannot be read.
  package var problem: String?
}

extension RemoteStore {
  /// What there is, by tag in natural order. Only manifests are read.
  package func listings(unless interruption: Interruption) throws(StoreError) -> [RemoteListing] {
    let tags = try tags(unless: interruption)
    return try ParallelSteps.map(tags, threads: 4) { (tag) throws(StoreError) -> RemoteListing? in
      var listing = RemoteListing(tag: tag)
      do throws(StoreError) {
        guard let digest = try digest(of: tag, unless: interruption) else { return nil }
        listing.digest = OCIDigest(digest)
        let bytes = try checkedManifest(digest, unless: interruption)
        let manifest = try StoreCoding.decode(ArtifactManifest.self, from: bytes, what: "the manifest")
        let names = Artifact.names(in: manifest)
        (listing.model, listing.version) = (names?.model, names?.version)
        listing.byteCount = manifest.layers.map { layers in
          layers.reduce(0) { $0.addingReportingOverflow(max(0, $1.size)).partialValue }
        }
      } catch {
        if case .interrupted = error.code { throw error }
        listing.problem = error.message
      }
      return listing
    }.compactMap(\.self)
  }
}
