import BlobStore
import Glibc
import PosixIO
import StoreRecords
import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

/// A version of a store as the layers of an artifact, in order.
struct ArtifactAssembly: Sendable {
  struct Layer: Sendable {
    var descriptor: ArtifactManifest.Descriptor
    var content: LayerContent
    /// The blob of the store that it is; nil if it is made for the artifact.
    var blob: Digest?
  }

  private let registry: WeightRegistry
  private let cache: SumCache
  /// What travels of the version's record.
  let manifest: Manifest
  let isCheckpoint: Bool
  private(set) var layers: [Layer] = []
  private var dtypes: Set<String> = []

  /// How each blob with weights, and each table, was hashed; nil for one of one segment.
  private var needed: [Digest: SegmentTable?] = [:]
  private var tables: [Digest: Table] = [:]

  /// Looks at what a version needs, and reads what is not known of it yet.
  ///
  /// - Parameters:
  ///   - manifest: as ``travelling(_:without:)`` makes it.
  ///   - progress: of bytes that are read, in the phase `checking`.
  /// - Throws: `damaged`, naming a tensor or file, if something is not what it was; `interrupted`.
  init(
    _ manifest: Manifest, of registry: WeightRegistry, isCheckpoint: Bool, portable: Bool, cache: SumCache,
    progress: @escaping ProgressHandler
  ) throws(StoreError) {
    self.registry = registry
    self.manifest = manifest
    self.isCheckpoint = isCheckpoint
    self.cache = cache
    if let file = manifest.files.first(where: { $0.path.utf8.starts(with: ArtifactWords.ownFolder.utf8) }) {
      throw StoreError(
        .invalidName,
        "\(manifest.model)/\(manifest.version) has a file \(file.path), and that folder is Tantra's on a remote: move it"
      )
    }
    try gather()
    let sums = try readSums(progress)
    try addWeights(sums, portable: portable)
    try addFiles()
    try addRecords(sums)
  }

  /// What travels of a version: what is shown, without files that stay behind, and without what only this store knows.
  static func travelling(_ manifest: Manifest, without withheld: [WithheldFile]) -> Manifest {
    let hidden = Set((manifest.hidden ?? []).map { ExactName($0.wrappedValue) })
    let left = hidden.union(withheld.map(\.$path))
    let components = Set(manifest.components.map(\.$path))
    var manifest = manifest
    manifest.files.removeAll { left.contains($0.$path) }
    manifest.weights.removeAll { file in
      withheld.contains { $0.$path == file.$path } || components.contains(file.$path) && hidden.contains(file.$path)
    }
    let names = Set(manifest.weights.map(\.$path) + WeightFormatCatalogue.views.map { ExactName($0.fileName) })
    manifest.hidden = manifest.hidden.map { $0.intersection(names) }.flatMap { $0.isEmpty ? nil : $0 }
    (manifest.revision, manifest.earlier) = (1, nil)
    return manifest
  }

  // MARK: What is needed

  private mutating func gather() throws(StoreError) {
    for (digest, _) in manifest.tables {
      let table = try registry.records.table(digest)
      tables[digest] = table
      needed[digest] = .some(nil)
      for pack in table.packs { needed[pack.blob] = pack.segments }
    }
    for file in manifest.weights where file.table == nil { needed[file.blob] = .some(nil) }
    let main = manifest.main.map { [$0.table] } ?? Array(tables.keys)
    dtypes = Set(main.flatMap { tables[$0]?.stateDict.tensors.map(\.dtype.rawValue) ?? [] })
  }

  /// The sums of all blobs that are needed: those that the cache has, and those that are read now, on all processors.
  private func readSums(_ progress: @escaping ProgressHandler) throws(StoreError) -> [Digest: BlobSums] {
    var known: [Digest: BlobSums] = [:]
    var unknown: [Blob] = []
    for id in needed.keys.sorted() {
      let blob = try blobStore(try registry.blobs.open(id))
      if let sums = cache.sums(of: id), sums.byteCount == blob.byteCount {
        known[id] = sums
      } else {
        unknown.append(blob)
      }
    }
    let count = counting(.checking, of: unknown.reduce(0) { $0 &+ $1.byteCount }, progress)
    let blobs = unknown.sorted { $0.byteCount > $1.byteCount }
    let found = try ParallelSteps.map(blobs, threads: ParallelWork.processorCount) { (blob) throws(StoreError) in
      do throws(StoreError) {
        let sums = try BlobSums(of: blob, expecting: needed[blob.id] ?? nil, progress: count)
        cache.remember(sums, of: blob.id)
        return sums
      } catch {
        guard case .damaged = error.code else { throw error }
        throw damage(of: blob.id, error)
      }
    }
    for (blob, sums) in zip(blobs, found) { known[blob.id] = sums }
    return known
  }

  /// Says what of the version is damaged.
  private func damage(of blob: Digest, _ error: StoreError) -> StoreError {
    let file = manifest.weights.first { $0.blobs.contains(blob) }.map { " (\($0.path))" } ?? ""
    return StoreError(
      .damaged,
      "\(manifest.model)/\(manifest.version)\(file) is damaged and was not pushed: \(error.message); tantra validate names the "
        + "tensor, and importing the intact file again mends it")
  }

  // MARK: Layers

  private mutating func add(
    _ kind: ArtifactWords.Kind, _ path: String, _ role: ArtifactWords.Role?, _ blob: RemoteBlob,
    _ content: LayerContent, id: Digest? = nil, notes: [String: String] = [:]
  ) {
    var notes = notes
    notes[ArtifactWords.filePath] = path
    notes[ArtifactWords.title] = path
    if let role { notes[ArtifactWords.role] = role.rawValue }
    if let id { notes[ArtifactWords.blob] = id.hexadecimal }
    layers.append(
      Layer(
        descriptor: .init(mediaType: kind.mediaType, blob, annotations: notes), content: content,
        blob: role == .chunks ? nil : id))
  }

  private mutating func add(
    _ kind: ArtifactWords.Kind, _ path: String, _ role: ArtifactWords.Role, stored id: Digest,
    _ sums: [Digest: BlobSums]
  ) throws(StoreError) {
    guard let sums = sums[id] else { throw StoreError(.damaged, "blob \(id) is missing from the store") }
    add(kind, path, role, sums.blob, .stored(try blobStore(try registry.blobs.open(id))), id: id)
  }

  /// Weight files under their names, of which other tools take the first; then packs that are no file any more.
  private mutating func addWeights(_ sums: [Digest: BlobSums], portable: Bool) throws(StoreError) {
    var rest = Set(manifest.tables.flatMap(\.packs))
    for file in manifest.weights.sorted(by: { $0.path < $1.path }) {
      if !file.isStitched {
        try add(.weight, file.path, .pack, stored: file.blob, sums)
        rest.remove(file.blob)
      } else if portable {
        let view = try registry.views.open(file)
        add(.weight, file.path, .copy, try Self.sum(of: view), .view(view))
      }
    }
    for pack in rest.sorted() {
      try add(.weight, "\(ArtifactWords.ownFolder)packs/\(pack).safetensors", .pack, stored: pack, sums)
    }
  }

  private static func sum(of view: VersionView) throws(StoreError) -> RemoteBlob {
    let content = LayerContent.view(view)
    return RemoteBlob(digest: try content.digest(), byteCount: view.byteCount)
  }

  private mutating func addFiles() throws(StoreError) {
    for file in manifest.files.sorted(by: { $0.path < $1.path }) {
      guard let blob = file.blob, let digest = file.digest else { continue }
      let stored = LayerContent.stored(try blobStore(try registry.blobs.open(blob)))
      let isDocument =
        [".md", ".txt", ".png", ".pdf"].contains { file.path.lowercased().hasSuffix($0) }
        || ["license", "notice"].contains { file.path.lowercased().hasSuffix($0) }
      add(
        isDocument ? .doc : .weightConfig, file.path, .sidecar,
        RemoteBlob(digest: digest, byteCount: file.byteCount), stored, id: blob)
    }
  }

  private mutating func addRecords(_ sums: [Digest: BlobSums]) throws(StoreError) {
    for table in tables.keys.sorted() {
      try add(.weightConfig, "\(ArtifactWords.ownFolder)tables/\(table).json", .table, stored: table, sums)
    }
    for layer in layers where layer.descriptor.annotations?[ArtifactWords.role] == ArtifactWords.Role.pack.rawValue {
      guard let id = layer.blob, let sums = sums[id], sums.byteCount > 0 else { continue }
      let list = sums.chunkList
      add(
        .weightConfig, "\(ArtifactWords.ownFolder)chunks/\(id)", .chunks, .init(of: list), .bytes(list), id: id,
        notes: [ArtifactWords.chunkSize: String(BlobSums.chunkByteCount)])
    }
    let record = try StoreCoding.encode(manifest, pretty: true)
    add(.weightConfig, "\(ArtifactWords.ownFolder)manifest.json", .manifest, .init(of: record), .bytes(record))
  }

  // MARK: The signature

  /// The digests of all layers, by their paths.
  var files: [String: Digest] {
    Dictionary(
      layers.map { ($0.descriptor.annotations?[ArtifactWords.filePath] ?? "", $0.descriptor.digest.digest) },
      uniquingKeysWith: { first, _ in first })
  }

  /// - Throws: `invalidName` if the version has a file where the signature lies.
  mutating func add(signature: [UInt8]) throws(StoreError) {
    guard files[ModelSignature.path] == nil else {
      throw StoreError(
        .invalidName,
        "\(manifest.model)/\(manifest.version) has a file \(ModelSignature.path), and its signature lies there: move it"
      )
    }
    add(.doc, ModelSignature.path, .signature, .init(of: signature), .bytes(signature))
  }

  // MARK: The whole

  /// The config, which is a blob, too.
  func config() throws(StoreError) -> [UInt8] {
    try StoreCoding.encode(
      ModelPackConfig(of: manifest, dtypes: dtypes, layers: layers.map(\.descriptor.digest)), pretty: false)
  }

  /// The bytes of the OCI manifest.
  ///
  /// - Throws: `system(EFBIG)` if registries would refuse it.
  func manifest(with config: [UInt8]) throws(StoreError) -> [UInt8] {
    var notes = [
      ArtifactWords.format: ArtifactWords.currentFormat, ArtifactWords.model: manifest.model.text,
      ArtifactWords.version: manifest.version.text,
    ]
    if isCheckpoint { notes[ArtifactWords.checkpoint] = "true" }
    let bytes = try StoreCoding.encode(
      ArtifactManifest(
        artifactType: ArtifactWords.artifactType,
        config: .init(mediaType: ArtifactWords.configType, .init(of: config)), layers: layers.map(\.descriptor),
        annotations: notes), pretty: false)
    guard bytes.count <= ArtifactManifest.byteLimit else {
      throw StoreError(
        .system(errno: EFBIG),
        "\(manifest.model)/\(manifest.version) has \(layers.count) files: its manifest would have \(bytes.count) bytes, and "
          + "registries take \(ArtifactManifest.byteLimit)")
    }
    return bytes
  }
}

extension RemoteBlob {
  /// The blob that some bytes are.
  init(of bytes: [UInt8]) { self.init(digest: Digest(of: bytes), byteCount: bytes.count) }
}
