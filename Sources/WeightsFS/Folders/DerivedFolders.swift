import DerivedViews
import StoreRecords
import Tensors
import WeightRegistry

/// A place below `.derived`, and the names of what is there under `.files`.
enum DerivedPlace: Hashable, Sendable {
  /// `.derived`
  case root
  /// `.derived/<model>`
  case model(ModelName)
  /// `.derived/<model>/active`, or an alias there.
  case link(ModelName, String)
  /// `.derived/<model>/<version>`, and folders in it.
  case folder(FilePlace)
  /// A file, and which bytes it has.
  case file(FilePlace, Edition)
  /// `.files/mamba_v1.0_Q8_0.gguf`
  case name(DerivedName)

  var kind: FileKind {
    switch self {
    case .root, .model, .folder: .directory
    case .file: .regular
    case .link, .name: .symbolicLink
    }
  }

  /// Path from the root of the mount.
  var path: String {
    switch self {
    case .root: ".derived"
    case .model(let model): ".derived/\(model)"
    case .link(let model, let name): ".derived/\(model)/\(name)"
    case .folder(let place), .file(let place, _):
      ".derived/\(place.model)/\(place.version)" + (place.path.isEmpty ? "" : "/\(place.path)")
    case .name(let name): ".files/\(name.fileName)"
    }
  }

  /// The version that it is of; nil for others.
  var version: (model: ModelName, version: VersionName)? {
    switch self {
    case .folder(let place), .file(let place, _): (place.model, place.version)
    default: nil
    }
  }

  func entry(in tree: MountedTree) -> any TreeEntry {
    switch self {
    case .root: DerivedRoot(tree: tree)
    case .model(let model): DerivedModelFolder(tree: tree, model: model)
    case .link(let model, let name): DerivedVersionLink(tree: tree, model: model, name: name)
    case .folder(let place): DerivedVersionFolder(tree: tree, place: place)
    case .file(let place, let edition): DerivedFileEntry(tree: tree, place: place, edition: edition)
    case .name(let name): DerivedNameLink(tree: tree, name: name)
    }
  }

  /// The same of another version.
  func moved(to model: ModelName, _ version: VersionName) -> DerivedPlace {
    func moved(_ place: FilePlace) -> FilePlace { FilePlace(model: model, version: version, path: place.path) }
    switch self {
    case .folder(let place): return .folder(moved(place))
    case .file(let place, let edition): return .file(moved(place), edition)
    default: return self
    }
  }
}

/// A folder below `.derived`: what is in it follows from what versions hold, and nobody changes it.
protocol DerivedFolder: TreeFolder {}

extension DerivedFolder {
  func place(of name: String) throws(FileSystemError) -> FilePlace {
    throw FileSystemError(.readOnlyFile, "\(path)/\(name): what is in .derived is computed, and cannot be changed")
  }

  func makeDirectory(_ name: String, permissions: UInt32) throws(FileSystemError) -> Node {
    if try child(named: name) != nil { throw FileSystemError(.exists) }
    _ = try place(of: name)
    throw FileSystemError(.readOnlyFile)
  }

  func makeSymbolicLink(_ name: String, target: LinkTarget, by caller: Caller) throws(FileSystemError) -> Node {
    try makeDirectory(name, permissions: 0)
  }

  func remove(by caller: Caller) throws(FileSystemError) { throw FileSystemError(.readOnlyFile) }
}

/// `.derived`: what is computed of versions when it is read.
struct DerivedRoot: DerivedFolder {
  let tree: MountedTree
  var path: String { DerivedPlace.root.path }

  func child(named name: String) -> Node? {
    ModelName(name).flatMap { tree.records.contains($0) ? .derived(.model($0)) : nil }
  }

  func children() -> [(name: String, node: Node)] { tree.records.models.map { ($0.text, .derived(.model($0))) } }
}

/// `.derived/<model>`
struct DerivedModelFolder: DerivedFolder {
  let tree: MountedTree
  let model: ModelName
  var path: String { DerivedPlace.model(model).path }

  private var links: [String: VersionName] { ModelFolder(tree: tree, model: model).links }

  func child(named name: String) -> Node? {
    if let version = VersionName(name), tree.records.contains(model, version) { return folder(version) }
    return links[name] == nil ? nil : .derived(.link(model, name))
  }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    links.keys.sorted().map { ($0, .derived(.link(model, $0))) }
      + (try tree.step(try tree.records.versions(of: model))).map { ($0.text, folder($0)) }
  }

  private func folder(_ version: VersionName) -> Node {
    .derived(.folder(FilePlace(model: model, version: version, path: "")))
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    attributes.modified = try tree.modified(of: model)
    attributes.isCacheable = false
  }
}

/// `.derived/<model>/active`, or an alias: it leads to the folder beside it.
struct DerivedVersionLink: TreeLink {
  let tree: MountedTree
  let model: ModelName
  let name: String

  private var original: VersionLink { VersionLink(tree: tree, model: model, name: name) }

  func target() throws(FileSystemError) -> LinkTarget { try original.target() }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) { try original.describe(&attributes) }
}

/// `.derived/<model>/<version>`, or a folder in it.
struct DerivedVersionFolder: DerivedFolder {
  let tree: MountedTree
  let place: FilePlace
  var path: String { DerivedPlace.folder(place).path }

  func child(named name: String) throws(FileSystemError) -> Node? { try children().first { $0.name == name }?.node }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    let folder = try tree.versionFolder(of: place.model, place.version)
    guard let listing = try tree.step(try tree.derived.listing(of: folder)) else { return [] }
    let prefix = place.path.isEmpty ? "" : place.path + "/"
    var folders: Set<String> = []
    var children: [(name: String, node: Node)] = []
    for file in listing.files where file.path.hasPrefix(prefix) {
      let rest = file.path.dropFirst(prefix.count)
      if let slash = rest.firstIndex(of: "/") {
        let name = String(rest[..<slash])
        guard folders.insert(name).inserted else { continue }
        children.append((name, .derived(.folder(of(prefix + name)))))
      } else {
        children.append((String(rest), .derived(.file(of(file.path), Edition(listing.content(of: file))))))
      }
    }
    return children
  }

  private func of(_ path: String) -> FilePlace { FilePlace(model: place.model, version: place.version, path: path) }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: place.model, place.version)
    if !place.path.isEmpty, try children().isEmpty { throw FileSystemError(.missing) }
    attributes.modified = folder.manifest?.published ?? folder.made
    attributes.isCacheable = false
  }
}

/// A file that is computed when it is read.
struct DerivedFileEntry: TreeEntry {
  let tree: MountedTree
  let place: FilePlace
  /// Which bytes the node has.
  let edition: Edition

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: place.model, place.version)
    guard let file = try tree.step(try tree.derived.listing(of: folder))?.file(place.path) else {
      throw FileSystemError(.missing)
    }
    attributes.size = file.byteCount
    attributes.modified = folder.manifest?.published ?? folder.made
    attributes.permissions = 0o444
    // Its name leads to other bytes when the version does, or a file beside its weights: the kernel asks each time. Pages stay.
    attributes.isCacheable = false
  }

  func setModified(_ time: Int64) throws(FileSystemError) { throw FileSystemError(.readOnlyFile) }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    if access.changes { throw FileSystemError(.readOnlyFile) }
    let (found, view) = try tree.opening(current) { (found) throws(StoreError) in
      try tree.derived.open(place.path, of: found.folder)
    }
    guard found.edition == edition else { throw FileSystemError(.stale) }
    if let content = found.content {
      try tree.requireHarmless(content, of: place.model, path: DerivedPlace.file(place, edition).path, access) { view }
    }
    return tree.open(view, .derived(.file(place, edition)))
  }

  /// The version, which bytes the file has now, and what it is, if it travels with the version and may be anything.
  private func current() throws(FileSystemError) -> (folder: VersionFolder, edition: Edition, content: Digest?) {
    let folder = try tree.versionFolder(of: place.model, place.version)
    guard let listing = try tree.step(try tree.derived.listing(of: folder)), let file = listing.file(place.path)
    else { throw FileSystemError(.stale) }
    return (folder, Edition(listing.content(of: file)), file.isComputed ? nil : file.content)
  }
}
