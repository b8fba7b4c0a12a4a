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

  /// Removes every blob that is not in `live`, one after another, or only counts them; and compressed files beside plain ones, which an
  /// interruption has left. What live blobs are differences from stays.
  ///
  /// While others wait to pin blobs a blob loses its name only, which takes a moment; its bytes go after that.
  ///
  /// - Parameter progress: told how many of the folders of blobs are done; answers whether to go on.
  /// - Returns: how many blobs went or would go, and their bytes.
  package borrowing func run(
    keeping live: Set<Digest>, isDryRun: Bool = false, progress: (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws(BlobStoreError) -> (count: Int, bytes: Int) {
    try store.files.readDifferences()
    let differences = store.files.differences
    let before = differences.all
    let live = before.reduce(into: live) { kept, blob in
      if live.contains(blob.key) { kept.formUnion(blob.value) }
    }
    var sum = try pass(keeping: live, isDryRun, progress)
    // What only removed blobs were differences from can go after them, and not before.
    let bases = Set(before.values.flatMap(\.self))
    if !isDryRun, !bases.isEmpty {
      let rest = try pass(keeping: live, isDryRun, where: bases.contains, progress)
      sum = (sum.count + rest.count, sum.bytes + rest.bytes)
    }
    return sum
  }

  private borrowing func pass(
    keeping live: Set<Digest>, _ isDryRun: Bool, where isMeant: (Digest) -> Bool = { _ in true },
    _ progress: (_ done: Int, _ total: Int) -> Bool
  ) throws(BlobStoreError) -> (count: Int, bytes: Int) {
    do throws(PosixError) {
      var count = 0
      var bytes = 0
      let prefixes = try store.files.root.names().filter { $0.utf8.count == 2 }
      for (index, prefix) in prefixes.enumerated() {
        guard progress(index, prefixes.count) else {
          throw PosixError(.interrupted, call: "sweep", path: store.files.root.path)
        }
        let folder = try store.files.root.folder(prefix)
        var hasChanged = false
        let names = Set(try folder.names())
        for name in names {
          // What is not named like a blob is not ours to remove.
          guard let (blob, isPacked) = BlobFiles.blob(of: name, in: prefix), isMeant(blob) else { continue }
          let isSecond = isPacked && names.contains(BlobFiles.name(of: blob).plain)
          if live.contains(blob), !isSecond { continue }
          let removed =
            try isDryRun ? folder.status(of: name)?.size : remove(blob, name, isSecond: isSecond, in: folder)
          guard let size = removed else { continue }
          bytes += size
          if !isSecond { count += 1 }
          hasChanged = !isDryRun
        }
        if hasChanged { try folder.synchronize() }
      }
      return (count, bytes)
    } catch {
      throw .system(error)
    }
  }

  /// - Parameter isSecond: whether the blob has a plain file beside this.
  /// - Returns: the bytes of the file; nil if it stays.
  private borrowing func remove(
    _ blob: Digest, _ name: String, isSecond: Bool, in folder: Folder
  ) throws(PosixError) -> Int? {
    let file = try folder.file(name)
    // Somebody may still have it open for writing, and it cannot be removed before they have gone.
    if file.isImmutable { return nil }
    let size = try file.status().size
    let isGone: Bool? =
      try store.pins.removeUnlessPinned(blob) { () throws(PosixError) in
        if !isSecond, store.files.differences.isBase(blob) { return nil }
        try folder.removeFile(name)
        store.files.differences.set([], of: blob)
        store.forget(blob)
        return true
      } ?? nil
    // Its bytes go when the last who has it open lets go of it: here, and not while others wait to pin blobs.
    withExtendedLifetime(file) {}
    return isGone == nil ? nil : size
  }
}
