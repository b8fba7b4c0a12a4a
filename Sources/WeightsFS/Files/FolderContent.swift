import StoreRecords

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

extension FolderChange {
  /// What gives the file at a path of `folder` other permissions and attributes; nothing for published weights, which keep none.
  static func giving(_ properties: FileProperties, to path: String, in folder: VersionFolder) -> [FolderChange] {
    guard case .file(var file) = folder.content(at: path) else { return [] }
    file.properties = properties
    return [.put(file)]
  }
}
