import StoreRecords

/// What becomes of the names of ordinary files and links: in the tables of the mount, and in the record of a folder.
struct OrdinaryNames {
  let tree: MountedTree

  /// An ordinary file or a link has no name any more; who has it open keeps it.
  func remove(_ place: FilePlace) {
    if let file = tree.ordinary.remove(place) {
      tree.inodes.rename(.ordinary(place), to: file.node)
    } else {
      tree.inodes.retire(.ordinary(place))
    }
    tree.inodes.retire(.folderLink(place))
  }

  /// An ordinary file or a link has another name; what was open there is gone from it.
  func move(_ from: FilePlace, to: FilePlace) {
    if let replaced = tree.ordinary.move(from, to: to) {
      tree.inodes.rename(.ordinary(to), to: replaced.node)
    } else {
      tree.inodes.retire(.ordinary(to))
    }
    tree.inodes.retire(.folderLink(to))
    tree.inodes.rename(.ordinary(from), to: .ordinary(to))
    tree.inodes.rename(.folderLink(from), to: .folderLink(to))
  }

  /// Lets the record of a folder name an upload: it is not swept then, whatever becomes of this process.
  func record(_ upload: Upload, at place: FilePlace, _ properties: FileProperties) throws(FileSystemError) {
    let file = FolderFile(
      path: place.path, content: .upload(upload.name), byteCount: 0, modified: Timestamp.now(),
      properties: properties)
    var isThere = false
    try tree.change(place) { folder in
      isThere = folder.isFolder(place.folderPath)
      return isThere ? [.put(file)] : []
    }
    if !isThere { throw FileSystemError(.missing) }
  }
}
