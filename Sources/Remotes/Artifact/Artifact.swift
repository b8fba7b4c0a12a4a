import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

/// A version on a remote: a manifest that was read and checked. Its layers are known by what they are and by their blob's id.
package struct Artifact: Sendable {
  /// Bytes that a version's record may have.
  static let recordLimit = 64 << 20

  package let model: ModelName
  package let version: VersionName
  package let isCheckpoint: Bool
  /// The version's record.
  let record: RemoteBlob
  private let layers: Layers
  /// Bytes of all layers.
  package let byteCount: Int
  /// The signature of the others; nil if it is not signed.
  let signature: RemoteBlob?
  /// The digests of all layers but the signature, by their paths; nil if there are layers without paths, or with the same.
  let files: [String: Digest]?

  var tables: [Digest: RemoteBlob] { layers.tables }
  /// Weights and ordinary files.
  var contents: [Digest: RemoteBlob] { layers.contents }
  var chunkLists: [Digest: RemoteBlob] { layers.chunkLists }

  /// - Parameter name: names the manifest in messages.
  /// - Throws: `unacceptable` for what is no version of Tantra; `damaged` for one that cannot be.
  package init(_ bytes: [UInt8], of name: String) throws(StoreError) {
    let manifest = try StoreCoding.decode(ArtifactManifest.self, from: bytes, what: "\(name): the manifest")
    func fail(_ what: String) -> StoreError {
      StoreError(.damaged, "\(name): the manifest is damaged, or was tampered with: \(what)")
    }
    try Self.requireOurs(manifest, name)
    var layers = Layers()
    var record: RemoteBlob?
    var signature: RemoteBlob?
    var files: [String: Digest]? = [:]
    var total = 0
    for (index, layer) in (manifest.layers ?? []).enumerated() {
      let (sum, overflow) = total.addingReportingOverflow(layer.size)
      guard layer.size >= 0, !overflow else { throw fail("layer \(index) has a size that cannot be") }
      total = sum
      let notes = layer.annotations ?? [:]
      if let path = notes[ArtifactWords.filePath] ?? notes[ArtifactWords.title],
        let why = FilePurpose.problem(ofPath: path, allowsViews: true)
      {
        throw fail("the layer \(path.debugDescription) \(why)")
      }
      if notes[ArtifactWords.role] == ArtifactWords.Role.signature.rawValue {
        guard signature == nil else { throw fail("it has two signatures") }
        signature = layer.blob
        continue
      }
      if let path = notes[ArtifactWords.filePath], files?[path] == nil {
        files?[path] = layer.digest.digest
      } else {
        files = nil
      }
      guard let word = notes[ArtifactWords.role], let role = ArtifactWords.Role(rawValue: word) else { continue }
      if role == .copy { continue }
      if role == .manifest {
        guard record == nil else { throw fail("it has two records") }
        record = layer.blob
        continue
      }
      guard let id = notes[ArtifactWords.blob].flatMap({ Digest(hexadecimal: $0) }) else {
        throw fail("layer \(index) does not say which blob it is")
      }
      guard layers.add(layer, role, id, notes) else {
        throw fail("layer \(index) is blob \(id), as another layer with other bytes is")
      }
    }
    guard let record else { throw fail("it has no record of the version") }
    self.record = record
    guard let model = manifest.annotations?[ArtifactWords.model].flatMap({ ModelName($0) }),
      let version = manifest.annotations?[ArtifactWords.version].flatMap({ VersionName($0) })
    else { throw fail("it does not say of which version it is") }
    (self.model, self.version) = (model, version)
    self.layers = layers
    (self.signature, self.files) = (signature, files)
    isCheckpoint = manifest.annotations?[ArtifactWords.checkpoint] == "true"
    byteCount = total
  }

  /// The names in a manifest's annotations, if it is one of ours: for lists.
  static func names(in manifest: ArtifactManifest) -> (model: String, version: String)? {
    guard let notes = manifest.annotations, let model = notes[ArtifactWords.model],
      let version = notes[ArtifactWords.version]
    else { return nil }
    return (model, version)
  }

  private static func requireOurs(_ manifest: ArtifactManifest, _ name: String) throws(StoreError) {
    guard manifest.schemaVersion == 2, manifest.layers != nil, manifest.config != nil else {
      throw StoreError(
        .unacceptable(.unsupported),
        "\(name) is \(manifest.mediaType ?? "of a kind that does not say what it is"), and no manifest with layers: name the "
          + "manifest of one model")
    }
    guard let format = manifest.annotations?[ArtifactWords.format] else {
      let kind = manifest.artifactType ?? manifest.config?.mediaType ?? "nothing known"
      throw StoreError(
        .unacceptable(.unsupported),
        "\(name) was not pushed by Tantra (it is \(kind)): fetch its files with another tool, as oras or skopeo, and run tantra "
          + "import on them")
    }
    guard format == ArtifactWords.currentFormat else {
      throw StoreError(
        .newerFormat, "\(name) was pushed by a newer Tantra: its format is \(format.debugDescription); update this one")
    }
    guard manifest.artifactType == ArtifactWords.artifactType else {
      throw StoreError(.damaged, "\(name): the manifest is damaged: it is no ModelPack")
    }
  }
}

/// The layers of an artifact by their blob's id.
private struct Layers: Sendable {
  var tables: [Digest: RemoteBlob] = [:]
  var contents: [Digest: RemoteBlob] = [:]
  var chunkLists: [Digest: RemoteBlob] = [:]

  /// Takes a layer in; false if another one with other bytes is the same.
  mutating func add(
    _ layer: ArtifactManifest.Descriptor, _ role: ArtifactWords.Role, _ id: Digest, _ notes: [String: String]
  ) -> Bool {
    func put(_ layers: inout [Digest: RemoteBlob]) -> Bool {
      if let known = layers[id] { return known == layer.blob }
      layers[id] = layer.blob
      return true
    }
    switch role {
    case .manifest, .copy, .signature: return true
    case .table: return put(&tables)
    case .pack, .sidecar: return put(&contents)
    case .chunks:
      // A later format may have others; then there are none that this one knows.
      return notes[ArtifactWords.chunkSize] != String(BlobSums.chunkByteCount) || put(&chunkLists)
    }
  }
}

extension Artifact {
  /// Checks that a key has signed the artifact as it is. No weights are read: the signature has their digests.
  ///
  /// - Throws: `system(EKEYREJECTED)`.
  func requireSignature(
    by key: VerifyingKey, in remote: any RemoteStore, unless interruption: Interruption
  ) throws(StoreError) {
    let name = "\(model)/\(version) of \(remote.name)"
    guard let signature else { throw ModelSignature.refused(name, "it is not signed (tantra push --sign signs it)") }
    guard let files else { throw ModelSignature.refused(name, "it has files without a name, or two of one name") }
    let bundle = try remote.contents(of: signature, limit: ModelSignature.byteLimit, unless: interruption)
    try ModelSignature.verify(bundle, of: files, name: name, by: key)
  }
}
