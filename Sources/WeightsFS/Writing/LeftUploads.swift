import Logging
import PosixIO
import StoreRecords
import WeightRegistry

/// Files that were closed, and not stored yet, when an earlier mount of the store was killed.
struct LeftUploads {
  let tree: MountedTree

  /// Makes those ordinary files that hold no weights under a name that may be that of weights, as the end of their writers would
  /// have done. The beginning of weights stays as it is, for somebody to append the rest.
  func settle() {
    if tree.records.isReader { return }
    for (model, version, folder) in tree.records.foldersWithUploads() {
      for file in folder.keptFiles {
        let place = FilePlace(model: model, version: version, path: file.path)
        guard let name = file.upload, place.mayBeWeights else { continue }
        do throws(FileSystemError) {
          try settle(name, file, at: place)
        } catch {
          tree.logger.warning("\(place) stays as an earlier mount has left it: \(error)")
        }
      }
    }
  }

  private func settle(_ name: String, _ file: FolderFile, at place: FilePlace) throws(FileSystemError) {
    let upload = try tree.step(try tree.records.uploads.open(name))
    let publishing = Publishing(tree: tree, place: place, isInterrupted: { false })
    // Nobody has said that being empty is what was meant.
    if file.byteCount == 0 { return }
    if try publishing.beginsAsWeights(upload) { return }
    try tree.step(
      try tree.registry.folders.keep(
        upload, at: place.path, of: place.model, place.version, modified: file.modified, properties: file.properties,
        isWanted: { $0.file(at: place.path)?.upload == name }))
  }
}
