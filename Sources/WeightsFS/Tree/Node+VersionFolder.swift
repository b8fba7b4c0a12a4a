import StoreRecords
import Tensors
import WeightRegistry

extension Node {
  /// What has a path in a version's folder; nil if nothing has.
  init?(at path: String, in folder: VersionFolder) {
    guard let entry = folder.entry(at: path) else { return nil }
    self.init(entry, at: path, in: folder)
  }

  /// What an entry of a version's folder is in the tree.
  init(_ entry: VersionFolder.Entry, at path: String, in folder: VersionFolder) {
    switch entry {
    case .folder: self = .sidecarFolder(FilePlace(model: folder.model, version: folder.version, path: path))
    case .content(let content): self.init(content, at: path, in: folder)
    }
  }

  /// What the content at a path of a version's folder is in the tree.
  init(_ content: VersionFolder.Content, at path: String, in folder: VersionFolder) {
    let (model, version) = (folder.model, folder.version)
    let place = FilePlace(model: model, version: version, path: path)
    switch content {
    case .view(let view):
      self = .view(model, version, view, Edition(folder.manifest?.content(of: view) ?? Table.emptyDigest))
    case .part(let file): self = .sidecar(place, Edition(file.blob))
    case .file(let file) where place.purpose.isOrdinary && file.link == nil: self = .ordinary(place)
    case .file(let file):
      switch file.content {
      case .blob(let blob, _): self = .sidecar(place, Edition(blob))
      case .weights(let weights): self = .sidecar(place, Edition(weights.blob))
      case .upload(let name): self = .kept(place, Edition(number: Upload.number(ofName: name)))
      case .link: self = .folderLink(place)
      }
    }
  }

  /// Names in a folder of a version ("" is its own), in the order of a listing.
  static func children(of path: String, in folder: VersionFolder) -> [(name: String, node: Node)] {
    let prefix = path.isEmpty ? "" : path + "/"
    return folder.children(of: path).map { ($0.name, Node($0.entry, at: prefix + $0.name, in: folder)) }
  }
}
