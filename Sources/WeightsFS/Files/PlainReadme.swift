import StoreRecords
import WeightRegistry

/// The README.md of a model that an earlier edition kept beside its manifests. Whoever changes it makes it an ordinary file.
struct PlainReadme: TreeEntry {
  let tree: MountedTree
  let model: ModelName
  let edition: Edition

  private var place: FilePlace { FilePlace(model: model, version: .own, path: ModelFile.readmeName) }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    guard let file = try tree.step(try tree.readmes.file(of: model)) else { throw FileSystemError(.missing) }
    attributes.size = file.byteCount
    attributes.modified = file.modified
    // It is looked up on disk each time, and nobody is told when it changes.
    attributes.isCacheable = false
  }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    if access.changes {
      try tree.takeOverReadme(of: model)
      throw FileSystemError(.stale)
    }
    guard let (file, bytes) = try tree.step(try tree.readmes.open(model)), Edition(number: file.edition) == edition
    else { throw FileSystemError(.stale) }
    let opened = VersionView(bytes, byteCount: file.byteCount)
    try tree.requireHarmless(nil, of: model, path: place.description, access) { opened }
    return tree.open(opened, .plainReadme(model, edition))
  }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try tree.takeOverReadme(of: model)
    try OrdinaryEntry(tree: tree, place: place).setSize(size, isInterrupted)
  }

  func setModified(_ time: Int64) throws(FileSystemError) {
    try tree.takeOverReadme(of: model)
    try OrdinaryEntry(tree: tree, place: place).setModified(time)
  }
}

extension MountedTree {
  /// Makes the README.md that an earlier edition kept an ordinary file of the model's folder.
  func takeOverReadme(of model: ModelName) throws(FileSystemError) {
    guard let (file, bytes) = try step(try readmes.open(model)) else { return }
    let upload = try step(try records.uploads.begin())
    try filling(upload) { () throws(FileSystemError) in
      try VersionView(bytes, byteCount: file.byteCount).copy(to: upload.file) { false }
      try step(
        try registry.folders.keep(upload, at: ModelFile.readmeName, of: model, .own, modified: file.modified))
    }
    try step(try readmes.remove(of: model))
  }
}
