import BlobStore
import PosixIO
package import StoreRecords
package import Tensors

extension Export {
  /// Writes something that is computed of a version's main state dict as a plain file. What it is computed of is checked first:
  /// damage is never copied out as good.
  ///
  /// - Parameters:
  ///   - content: opened from what is published now.
  ///   - table: of the state dict.
  ///   - name: of the file, in the folder `target`, which is made if it is missing.
  ///   - modified: mtime of the file, in nanoseconds since 1970.
  ///   - progress: bytes that are checked, then bytes of the file.
  /// - Throws: `alreadyExists`; `damaged`, naming the tensor; `system(ENOSPC)`; `interrupted`. Nothing is left behind then.
  package func callAsFunction(
    computed content: VersionView, of table: Digest, as name: String, in target: String, modified: Int64,
    replacing: Bool, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> ExportedFile {
    let destination = try ExportDestination(target, making: [name], replacing: replacing)
    do throws(StoreError) {
      try check(try records.table(table), progress)
      let item = ExportItem(path: name, view: nil, content: .bytes(content), modified: modified, expected: [])
      try destination.stage(item, progress: counting(.exporting, of: content.byteCount, progress))
      guard progress(.exporting, content.byteCount, content.byteCount) else {
        throw StoreError(.interrupted, "stopped")
      }
      try destination.finish([item])
    } catch {
      destination.discard()
      throw error
    }
    return ExportedFile(
      path: (target == "." ? "" : target + "/") + name, byteCount: content.byteCount, view: nil, leftOut: nil)
  }

  /// - Throws: `damaged` if something in a pack is not what it was when it came.
  private func check(_ table: Table, _ progress: @escaping ProgressHandler) throws(StoreError) {
    let count = counting(.checking, of: table.packs.reduce(0) { $0 + $1.segments.byteCount }, progress)
    let (packs, _) = try views.openPacks(of: table)
    for (index, pack) in packs.enumerated() {
      // What is elsewhere is checked by whoever brings it.
      guard pack.isKept else { continue }
      let segments = table.packs[index].segments.segments
      let scanner = RangeScanner(pack, progress: { count($0) })
      if let damaged = try posix(try scanner.damagedSegments(of: segments)).first {
        throw StoreError(
          .damaged,
          "\(table.contents(ofPack: index, in: segments[damaged].range)) is damaged in the store; import the intact file "
            + "again, which mends it")
      }
    }
  }
}
