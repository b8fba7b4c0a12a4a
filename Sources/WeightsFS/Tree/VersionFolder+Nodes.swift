import StoreRecords
import Tensors
import WeightRegistry

extension VersionFolder {
  /// What has a path in the folder.
  func node(at path: String) -> Node? { entry(at: path).map { node(of: $0, at: path) } }

  /// What an entry of the folder is in the tree.
  func node(of entry: Entry, at path: String) -> Node {
    switch entry {
    case .folder: .sidecarFolder(model, version, path)
    case .content(.view(let view)):
      .view(model, version, view, Edition(manifest?.content(of: view) ?? Table.emptyDigest))
    case .content(.part(let file)): .sidecar(model, version, path, Edition(file.blob))
    case .content(.file) where FilePurpose(path).isOrdinary:
      .ordinary(FilePlace(model: model, version: version, path: path))
    case .content(.file(let file)):
      switch file.content {
      case .blob(let blob, _): .sidecar(model, version, path, Edition(blob))
      case .weights(let weights): .sidecar(model, version, path, Edition(weights.blob))
      case .upload(let name): .kept(model, version, path, Edition(number: Upload.number(ofName: name)))
      }
    }
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

  /// mtime of a file of `folder`, in nanoseconds since 1970.
  func modified(in folder: VersionFolder) -> Int64 {
    switch self {
    case .view(let view): folder.manifest?.modified(ofView: view) ?? folder.made
    case .part(let file): file.modified
    case .file(let file): file.modified
    }
  }
}
