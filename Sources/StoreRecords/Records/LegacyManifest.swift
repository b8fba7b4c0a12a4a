import Tensors

/// A manifest as formats 1 and 2 have it: one state dict, under the names of views, and sidecars.
struct LegacyManifest: Decodable {
  struct Original: Decodable {
    var view: String
    var format: String
    var blob: Digest
    var byteCount: Int
    var modified: Int64
    var table: Digest
    var packs: [Digest]
    var isPlain: Bool
    var extras: [String]

    func weightFile(at path: String) -> WeightRecord {
      WeightRecord(
        path: path, format: format, blob: blob, byteCount: byteCount, modified: modified, table: table, packs: packs,
        isPlain: isPlain, extras: extras)
    }
  }

  var model: ModelName
  var version: VersionName
  var table: Digest
  var tablePacks: [Digest]?
  var tensorCount: Int
  var parameterCount: Int
  var originals: [Original]
  var parts: [Original]?
  var views: [String: Int]
  var sidecars: [FolderFile]
  var hidden: Set<String>?
  var viewTimes: [String: Int64]?
  var provenance: Manifest.Provenance

  /// The same version as it is written now.
  var manifest: Manifest {
    let written = originals + (parts ?? [])
    // Packs of all files are more than the table may name, and never less.
    let packs =
      tablePacks ?? written.first { $0.table == table }?.packs ?? Array(Set(written.flatMap(\.packs))).sorted()
    var main = Manifest.MainStateDict(
      table: table, packs: packs, tensorCount: tensorCount, parameterCount: parameterCount, views: views)
    main.viewTimes = viewTimes
    var manifest = Manifest(
      model: model, version: version, main: main,
      weights: originals.map { $0.weightFile(at: "model.\($0.view)") }
        + (parts ?? []).map { $0.weightFile(at: $0.view) },
      provenance: provenance)
    manifest.files = sidecars.sorted { $0.path < $1.path }
    manifest.hidden = hidden.map { Set($0.map { ExactName($0) }) }
    return manifest
  }
}

/// All drafts of a store as formats 1 and 2 have them: `.staging/drafts.json`.
struct LegacyDrafts: Decodable {
  private struct File: Decodable {
    enum Content: Decodable {
      case blob(Digest, digest: Digest)
      case upload(String)
    }

    var path: String
    var content: Content
    var byteCount: Int
    var modified: Int64

    var file: FolderFile {
      let content: FolderFile.Content =
        switch content {
        case .blob(let blob, let digest): .blob(blob, digest: digest)
        case .upload(let name): .upload(name)
        }
      return FolderFile(path: path, content: content, byteCount: byteCount, modified: modified)
    }
  }

  private struct Draft: Decodable {
    var model: ModelName
    var version: VersionName
    var made: Int64
    var folders: Set<String>
    var files: [File]
    var parts: [LegacyManifest.Original]?
  }

  private var models: Set<ModelName>
  private var drafts: [Draft]

  /// The journals that replace the record, by path; a path that ends in a slash is that of a model's empty folder.
  static func journals(_ bytes: [UInt8], what: String) throws(StoreError) -> [String: [UInt8]] {
    let record = try StoreCoding.decode(Self.self, from: bytes, what: what)
    var journals: [String: [UInt8]] = [:]
    for draft in record.drafts {
      let parts = (draft.parts ?? []).map { FolderFile($0.weightFile(at: $0.view)) }
      let changes =
        draft.folders.sorted().map { FolderChange.makeFolder($0) }
        + (draft.files.map(\.file) + parts).map { FolderChange.put($0) }
      // Manifests of those formats have revision 0, as a draft without one.
      let name = FolderJournal.fileName(draft.version, revision: 0)
      journals["folders/\(draft.model)/\(name)"] = try FolderJournal.text(made: draft.made, changes)
    }
    for model in record.models { journals["folders/\(model)/"] = [] }
    return journals
  }
}
