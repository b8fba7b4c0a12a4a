import StoreRecords
import Tensors
import WeightRegistry

extension VersionFolder {
  /// What has a path in the folder.
  func node(at path: String) -> Node? { entry(at: path).map { node(of: $0, at: path) } }

  /// What an entry of the folder is in the tree.
  func node(of entry: Entry, at path: String) -> Node {
    let place = FilePlace(model: model, version: version, path: path)
    switch entry {
    case .folder: return .sidecarFolder(place)
    case .content(.view(let view)):
      return .view(model, version, view, Edition(manifest?.content(of: view) ?? Table.emptyDigest))
    case .content(.part(let file)): return .sidecar(place, Edition(file.blob))
    case .content(.file(let file)) where place.purpose.isOrdinary && file.link == nil: return .ordinary(place)
    case .content(.file(let file)):
      switch file.content {
      case .blob(let blob, _): return .sidecar(place, Edition(blob))
      case .weights(let weights): return .sidecar(place, Edition(weights.blob))
      case .upload(let name): return .kept(place, Edition(number: Upload.number(ofName: name)))
      case .link: return .folderLink(place)
      }
    }
  }

  /// What gives the file at a path other permissions and attributes; nothing for published weights, which keep none.
  func changes(giving properties: FileProperties, at path: String) -> [FolderChange] {
    guard case .file(var file) = content(at: path) else { return [] }
    file.properties = properties
    return [.put(file)]
  }

  /// Names in a folder ("" is the version's own), in the order of a listing.
  func nodes(in folder: String) -> [(name: String, node: Node)] {
    let prefix = folder.isEmpty ? "" : folder + "/"
    return children(of: folder).map { ($0.name, node(of: $0.entry, at: prefix + $0.name)) }
  }
}

extension VersionFolder.Content {
  /// Bytes of a file of `folder`.
  func byteCount(in folder: VersionFolder) -> Int {
    switch self {
    case .view(let view): folder.manifest?.main?.views[view] ?? 0
    case .part(let file): file.byteCount
    case .file(let file): file.byteCount
    }
  }

  /// Permissions and extended attributes of the file; nil for published weights, which keep none.
  var properties: FileProperties? { if case .file(let file) = self { file.properties } else { nil } }

  /// mtime of a file of `folder`, in nanoseconds since 1970.
  func modified(in folder: VersionFolder) -> Int64 {
    switch self {
    case .view(let view): folder.manifest?.modified(ofView: view) ?? folder.made
    case .part(let file): file.modified
    case .file(let file): file.modified
    }
  }
}
