import PosixIO
import SystemPackage
package import Tensors

/// One removal of blobs that nothing names, beside everything else that goes on.
///
/// Begin it before the records are read that say what is needed: what is pinned or named from then on stays. One at a time.
package struct Sweep: ~Copyable {
  private let store: BlobStore

  init(_ store: BlobStore) {
    self.store = store
    store.pins.beginSweep()
  }

  deinit { store.pins.endSweep() }

  /// Removes every blob that is not in `live`, one after another, or only counts them.
  ///
  /// A blob first moves to the staging folder, which takes a moment, and then goes, which may take longer.
  ///
  /// - Parameter progress: told how many of the folders of blobs are done; answers whether to go on.
  /// - Returns: how many blobs went or would go, and their bytes.
  package borrowing func run(
    keeping live: Set<Digest>, isDryRun: Bool = false, progress: (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws(BlobStoreError) -> (count: Int, bytes: Int) {
    do throws(PosixError) {
      var count = 0
      var bytes = 0
      let prefixes = try store.root.names().filter { $0.utf8.count == 2 }
      for (index, prefix) in prefixes.enumerated() {
        guard progress(index, prefixes.count) else {
          throw PosixError(.interrupted, call: "sweep", path: store.root.path)
        }
        let folder = try store.root.folder(prefix)
        var hasChanged = false
        for name in try folder.names() {
          // What is not named like a blob is not ours to remove.
          guard let blob = Digest(hexadecimal: prefix + name), !live.contains(blob) else { continue }
          guard let size = try isDryRun ? folder.status(of: name)?.size : remove(blob, name, in: folder) else {
            continue
          }
          bytes += size
          count += 1
          hasChanged = !isDryRun
        }
        if hasChanged { try folder.synchronize() }
      }
      return (count, bytes)
    } catch {
      throw .system(error)
    }
  }

  /// - Returns: the bytes of the blob; nil if it stays.
  private borrowing func remove(_ blob: Digest, _ name: String, in folder: Folder) throws(PosixError) -> Int? {
    guard let staging = store.staging else {
      throw PosixError(.readOnlyFileSystem, call: "unlinkat", path: store.root.path)
    }
    let file = try folder.file(name)
    // Somebody may still have it open for writing, and it cannot be removed before they have gone.
    if file.isImmutable { return nil }
    let size = try file.status().size
    let trash = Ingest.newName()
    let isMoved: Bool? = try store.pins.removeUnlessPinned(blob) { () throws(PosixError) in
      try folder.rename(name, to: trash, in: staging)
      store.forget(blob)
      return true
    }
    guard isMoved != nil else { return nil }
    try staging.removeFile(trash)
    return size
  }
}
