import WeightFormats
import WeightRegistry

/// What a version's folder shows: what is published of it, and its draft.
struct VersionFiles {
  let model: ModelName
  let version: VersionName
  let manifest: Manifest?
  let draft: Draft?

  /// Where a file's bytes are.
  enum Content: Sendable {
    case view(Manifest, view: String)
    case blob(Manifest.Sidecar)
    /// A shard.
    case part(Manifest.Original)
    case upload(Draft.File)
  }

  /// The file at a path; nil if there is none, or it was removed from the folder.
  func content(at path: String) -> Content? {
    if let manifest, !manifest.hides(path) {
      for view in WeightFormatCatalogue.views where view.fileName == path && manifest.views[view.name] != nil {
        return .view(manifest, view: view.name)
      }
      if let sidecar = manifest.sidecars.first(where: { $0.path == path }) { return .blob(sidecar) }
    }
    if let file = draft?[path] { return file.sidecar.map { .blob($0) } ?? .upload(file) }
    if let part = draft?.part(path) { return .part(part) }
    guard let manifest, !manifest.hides(path) else { return nil }
    // A shard that is being replaced is shown as its new self.
    return manifest.part(path).map { .part($0) }
  }

  /// Whether the file at a path is part of the published version.
  func isPublished(_ path: String) -> Bool {
    guard let manifest, !manifest.hides(path) else { return false }
    if draft?.paths.contains(path) != true, manifest.part(path) != nil { return true }
    return manifest.sidecars.contains { $0.path == path }
      || WeightFormatCatalogue.views.contains { $0.fileName == path && manifest.views[$0.name] != nil }
  }

  /// What has a name in the folder or one below it.
  func node(at path: String) -> Node? {
    switch content(at: path) {
    case .view(let manifest, let view): .view(model, version, view, Edition(manifest.content(of: view)))
    case .blob(let sidecar): .sidecar(model, version, path, Edition(sidecar.blob))
    case .part(let part): .sidecar(model, version, path, Edition(part.blob))
    case .upload(let file): .kept(model, version, path, Edition(number: file.uploadNumber))
    case nil: isFolder(path) ? .sidecarFolder(model, version, path) : nil
    }
  }

  private func isFolder(_ path: String) -> Bool {
    draft?.folders.contains { $0 == path || $0.hasPrefix(path + "/") } ?? false
      || paths.contains { $0.hasPrefix(path + "/") }
  }

  /// Paths of all files that are shown.
  var paths: [String] {
    var paths: [String] = []
    if let manifest {
      for view in WeightFormatCatalogue.views where manifest.views[view.name] != nil { paths.append(view.fileName) }
      paths += manifest.sidecars.map(\.path) + (manifest.parts ?? []).map(\.view)
      paths.removeAll { manifest.hides($0) }
    }
    let known = Set(paths)
    return paths + (draft?.paths ?? []).filter { !known.contains($0) }
  }

  /// Names in a folder, whose path ends with a slash unless it is the version's own, in the order of a listing.
  func children(at prefix: String) -> [(name: String, node: Node)] {
    var names: [String] = []
    var seen: Set<String> = []
    for path in paths + (draft?.folders ?? []).sorted() where path.hasPrefix(prefix) && path.count > prefix.count {
      let name = String(path.dropFirst(prefix.count).prefix { $0 != "/" })
      if seen.insert(name).inserted { names.append(name) }
    }
    return names.compactMap { name in node(at: prefix + name).map { (name, $0) } }
  }
}

extension Draft.File {
  /// Tells uploads under one name apart.
  var uploadNumber: UInt64 {
    if case .upload(let name) = content { Upload.number(ofName: name) } else { 0 }
  }
}
