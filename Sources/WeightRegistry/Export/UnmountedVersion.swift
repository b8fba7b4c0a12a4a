import BlobStore
import Glibc
import PosixIO
package import StoreRecords
import SystemPackage
import WeightFormats

/// A version as a folder, for code of this process that opens paths while the store is not mounted. The folder goes with this
/// object; what was opened or mapped in it stays readable.
///
/// A weight file that is stored as a whole costs nothing: its name is a link to the open blob (`/proc/self/fd`). If none is, one
/// view is written to a file that has no name of its own, so that nothing is left even if the process is killed.
package final class UnmountedVersion: Sendable {
  /// The folder. Only this process can read the weights through it.
  package let path: String
  private let folder: Folder
  /// What the links lead to.
  private let opened: [OpenedFile]

  /// - Parameters:
  ///   - files: paths of ordinary files that are wanted, in the version's own folder; those that are not there are passed over.
  ///   - parent: where the folder is made.
  ///   - progress: bytes of a view that has to be put together.
  /// - Throws: `unknownVersion`; `unknownView` if the version has no model file of its own; `damaged`; `interrupted`.
  package init(
    _ model: ModelName, _ version: VersionName, files: [String], of registry: WeightRegistry, in parent: String,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) {
    path = try posix(try Folder.makeTemporary(in: parent, prefix: "tantra-run-"))
    do throws(StoreError) {
      folder = try posix(try Folder.open(path))
    } catch {
      rmdir(path)
      throw error
    }
    var opened: [OpenedFile] = []
    do throws(StoreError) {
      let manifest = try registry.records.manifest(of: model, version)
      let view = try registry.views.withCurrent(model, version) { (manifest) throws(StoreError) in
        try Self.view(of: manifest, registry.views)
      }
      let file: OpenedFile
      if let whole = view.content.whole?.localFile {
        file = whole
      } else {
        file = try Self.write(view.content, to: folder, progress)
      }
      opened.append(file)
      let target = "/proc/self/fd/\(file.descriptor.rawValue)"
      try posix(try folder.makeSymbolicLink("model.\(view.name)", target: Array(target.utf8)))
      for other in manifest.files
      where files.contains(other.path) && !manifest.hides(other.path) && other.blob != nil {
        let copy = try posix(try folder.makeFile(other.path, exclusively: true, permissions: 0o600))
        let content = try registry.views.open(other)
        try blobStore(try content.copy(to: copy) { _ in true })
      }
    } catch {
      Self.remove(folder)
      throw error
    }
    self.opened = opened
  }

  deinit { Self.remove(folder) }

  private static func remove(_ folder: Folder) {
    do throws(PosixError) {
      for name in try folder.names() { try folder.removeFile(name) }
    } catch {
      // The folder stays then, with links that lead nowhere: nothing that anybody could miss or mistake.
    }
    rmdir(folder.path)
  }

  /// The view that serves best: one that is stored as a whole and whose tensors lie in it as they are, else the first.
  private static func view(
    of manifest: Manifest, _ views: ViewCatalogue
  ) throws(StoreError) -> (name: String, content: VersionView) {
    var first: (name: String, content: VersionView)?
    for view in WeightFormatCatalogue.views where manifest.main?.views[view.name] != nil {
      let content = try views.open(view.name, of: manifest)
      if content.whole?.localFile != nil, try isContiguous(content, view.fileName) { return (view.name, content) }
      if first == nil || view.name == "safetensors" { first = (view.name, content) }
    }
    if let first { return first }
    throw StoreError(
      .unknownView,
      "\(manifest.model)/\(manifest.version) has no model file of its own, only parts: "
        + manifest.parts.map(\.path).joined(separator: ", "))
  }

  private static func isContiguous(_ view: VersionView, _ name: String) throws(StoreError) -> Bool {
    try parsing(name, try WeightFormatCatalogue.parse(view)).file.storages.allSatisfy { storage in
      if case .range = storage { true } else { false }
    }
  }

  /// Puts a view together in a file whose name is gone at once.
  private static func write(
    _ view: VersionView, to folder: Folder, _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> OpenedFile {
    let file = try posix(try folder.makeFile("view", exclusively: true, permissions: 0o600))
    try posix(try folder.removeFile("view"))
    try blobStore(try view.copy(to: file, progress: counting(.exporting, of: view.byteCount, progress)))
    return file
  }
}
