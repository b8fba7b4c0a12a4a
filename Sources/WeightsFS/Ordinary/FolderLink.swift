import StoreRecords

/// A symbolic link among the files of a version or of a model. The daemon never follows it.
struct FolderLink: TreeLink {
  let tree: MountedTree
  let place: FilePlace

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let link = try tree.recordedFile(at: place)
    (attributes.size, attributes.modified) = (link.byteCount, link.modified)
    attributes.changed = link.properties.changed
    // In a model's folder it may be renamed to become an alias: the kernel must ask each time.
    attributes.isCacheable = attributes.isCacheable && !place.isInModel
  }

  func setModified(_ time: Int64) throws(FileSystemError) { try tree.setModified(time, at: place) }

  func target() throws(FileSystemError) -> LinkTarget {
    guard let target = try tree.recordedFile(at: place).link else { throw FileSystemError(.missing) }
    return target
  }

  /// Makes a link that is not there.
  func create(_ target: LinkTarget) throws(FileSystemError) {
    try place.requireLinkable()
    var isFree = tree.writers.writer(at: place) == nil
    try tree.change(place) { folder in
      isFree = isFree && folder.entry(at: place.path) == nil
      return isFree ? [.put(FolderFile(path: place.path, link: target, modified: Timestamp.now()))] : []
    }
    if !isFree { throw FileSystemError(.exists) }
    try tree.additions.note(place, in: tree)
  }
}

extension FilePlace {
  /// - Throws: `EPERM` for a name of the main state dict, under which a link would be no weights.
  func requireLinkable() throws(FileSystemError) {
    guard isWeights || purpose == .shard else { return }
    throw FileSystemError(
      .notPermitted, "\(self) is the name of weights, which no link has: copy the file itself, as cp -L and rsync -L do"
    )
  }
}
