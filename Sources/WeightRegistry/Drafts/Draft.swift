package import Tensors

/// What a version's folder holds that its manifest does not: everything, as long as no weights have come.
package struct Draft: Sendable, Hashable, Codable {
  /// A file that was closed without an error.
  package struct File: Sendable, Hashable, Codable {
    package enum Content: Sendable, Hashable, Codable {
      /// A blob, and the plain SHA-256 of its bytes.
      case blob(Digest, digest: Digest)
      /// A file in the staging folder, not hashed yet, by its name there.
      case upload(String)
    }

    package var path: String
    package var content: Content
    package var byteCount: Int
    /// Nanoseconds since 1970.
    package var modified: Int64

    package init(path: String, content: Content, byteCount: Int, modified: Int64) {
      self.path = path
      self.content = content
      self.byteCount = byteCount
      self.modified = modified
    }

    package init(_ sidecar: Manifest.Sidecar) {
      self.init(
        path: sidecar.path, content: .blob(sidecar.blob, digest: sidecar.digest), byteCount: sidecar.byteCount,
        modified: sidecar.modified)
    }

    /// The file as a version's manifest has it; nil if it is not a blob yet.
    package var sidecar: Manifest.Sidecar? {
      guard case .blob(let blob, let digest) = content else { return nil }
      return Manifest.Sidecar(path: path, blob: blob, digest: digest, byteCount: byteCount, modified: modified)
    }
  }

  package var model: ModelName
  package var version: VersionName
  /// When the folder was made, in nanoseconds since 1970.
  package var made: Int64
  /// Folders in it, by path; those that files lie in need not be named.
  package var folders: Set<String> = []
  package var files: [File] = []
  /// Shards that are copies of another version's, by the names that they have here (`view`); nil for none. Their bytes are
  /// stored already.
  package var parts: [Manifest.Original]?

  package init(model: ModelName, version: VersionName, made: Int64) {
    self.model = model
    self.version = version
    self.made = made
  }

  /// The file at a path.
  package subscript(path: String) -> File? { files.first { $0.path == path } }

  /// The copied shard of that name.
  package func part(_ name: String) -> Manifest.Original? { parts?.first { $0.view == name } }

  /// Adds a file, or replaces it.
  package mutating func put(_ file: File) {
    remove(file.path)
    files.append(file)
  }

  /// Adds a copy of a shard, or replaces it.
  package mutating func put(_ part: Manifest.Original) {
    remove(part.view)
    parts = (parts ?? []) + [part]
  }

  /// Takes a file out; nothing happens if there is none.
  package mutating func remove(_ path: String) {
    files.removeAll { $0.path == path }
    parts?.removeAll { $0.view == path }
    if parts?.isEmpty == true { parts = nil }
  }

  package var isEmpty: Bool { folders.isEmpty && files.isEmpty && parts == nil }

  /// Paths of all files.
  package var paths: [String] { files.map(\.path) + (parts ?? []).map(\.view) }
}

/// All drafts of a store: `.staging/drafts.json`.
package struct DraftRecord: Sendable, Hashable, Codable {
  /// Models that were made as folders; they need no version.
  package var models: Set<ModelName> = []
  package var drafts: [Draft] = []

  package init() {}

  package subscript(model: ModelName, version: VersionName) -> Draft? {
    get { drafts.first { $0.model == model && $0.version == version } }
    set {
      drafts.removeAll { $0.model == model && $0.version == version }
      if let newValue { drafts.append(newValue) }
    }
  }

  /// Names in the staging folder that must stay.
  var uploads: Set<String> {
    Set(
      drafts.flatMap(\.files).compactMap { file in
        if case .upload(let name) = file.content { name } else { nil }
      })
  }

  /// Blobs that drafts need.
  var blobs: Set<Digest> {
    Set(
      drafts.flatMap(\.files).compactMap { $0.sidecar?.blob }
        + drafts.flatMap { $0.parts ?? [] }.flatMap { [$0.table] + $0.packs })
  }
}
