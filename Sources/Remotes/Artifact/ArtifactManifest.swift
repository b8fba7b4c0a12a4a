import StoreRecords
import Tensors

/// An OCI image manifest, as far as it matters here: https://github.com/opencontainers/image-spec/blob/main/manifest.md
package struct ArtifactManifest: Sendable, Hashable, Codable {
  /// What a layer or a config is.
  package struct Descriptor: Sendable, Hashable, Codable {
    package var mediaType: String
    package var digest: OCIDigest
    package var size: Int
    package var annotations: [String: String]?

    package init(mediaType: String, _ blob: RemoteBlob, annotations: [String: String]? = nil) {
      self.mediaType = mediaType
      digest = OCIDigest(blob.digest)
      size = blob.byteCount
      self.annotations = annotations
    }

    package var blob: RemoteBlob { RemoteBlob(digest: digest.digest, byteCount: size) }
  }

  /// Bytes that a manifest may have: what registries take.
  package static let byteLimit = 4 << 20
  package static let mediaType = "application/vnd.oci.image.manifest.v1+json"

  package var schemaVersion = 2
  package var mediaType: String? = ArtifactManifest.mediaType
  package var artifactType: String?
  package var config: Descriptor?
  package var layers: [Descriptor]?
  package var annotations: [String: String]?

  package init(artifactType: String, config: Descriptor, layers: [Descriptor], annotations: [String: String]) {
    self.artifactType = artifactType
    self.config = config
    self.layers = layers
    self.annotations = annotations
  }
}

/// The words of ModelPack (https://github.com/modelpack/model-spec) and of Tantra in a manifest.
enum ArtifactWords {
  static let artifactType = "application/vnd.cncf.model.manifest.v1+json"
  static let configType = "application/vnd.cncf.model.config.v1+json"

  /// What a layer is to tools that know ModelPack.
  enum Kind: String {
    case weight
    case weightConfig = "weight.config"
    case doc

    var mediaType: String { "application/vnd.cncf.model.\(rawValue).v1.raw" }
  }

  /// What a layer is to Tantra.
  enum Role: String {
    /// A blob with weights.
    case pack
    /// A table of weights.
    case table
    /// SHA-256 of each chunk of a blob, one after another.
    case chunks
    /// An ordinary file.
    case sidecar
    /// The version's record.
    case manifest
    /// A weight file that the packs make, once more as a whole: for other tools.
    case copy
    /// A signature of all other layers.
    case signature
  }

  /// Annotations of layers.
  static let filePath = "org.cncf.model.filepath"
  static let title = "org.opencontainers.image.title"
  static let role = "dev.tantra.role"
  static let blob = "dev.tantra.blob"
  static let chunkSize = "dev.tantra.chunk-size"
  /// Annotations of manifests.
  static let format = "dev.tantra.format"
  static let model = "dev.tantra.model"
  static let version = "dev.tantra.version"
  static let checkpoint = "dev.tantra.checkpoint"
  static let currentFormat = "1"

  /// The folder of what only Tantra reads.
  static let ownFolder = ".tantra/"
}
