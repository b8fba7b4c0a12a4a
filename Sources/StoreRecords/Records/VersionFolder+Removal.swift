extension VersionFolder {
  /// What taking the file at a path out of the folder means for it: nil if there is none.
  package func removal(of path: String) -> FolderChange? {
    guard content(at: path) != nil else { return nil }
    return isPublished(path) ? .hide(path) : .remove(path)
  }

  /// The changes that take the file at a path out of the folder for good. A weight file that was removed before, and has the path,
  /// stays removed.
  package func removalForGood(of path: String) -> [FolderChange] {
    [.remove(path)] + (manifest?.weightFile(path) == nil ? [] : [.hide(path)])
  }

  /// The path of the folder that something is in ("" is the version's own), and its name there.
  package static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
    return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
  }
}
