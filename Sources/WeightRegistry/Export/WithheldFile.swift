import BlobStore
import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

/// A file that is not handed on with its version, because unpickling it could run code.
package struct WithheldFile: Sendable, Hashable, Codable {
  /// Its path in the version.
  @ExactName package var path: String
  /// What unpickling it would do.
  package var reason: String
}

extension ViewCatalogue {
  /// The files of a version that the policy of its model keeps in the store, in the order of the manifest.
  ///
  /// - Parameter paths: the files that are looked at; nil for all.
  package func withheld(
    of manifest: Manifest, among paths: Set<String>? = nil
  ) throws(StoreError) -> [WithheldFile] {
    guard records.policies(of: manifest.model).pickles == .quarantine else { return [] }
    var withheld: [WithheldFile] = []
    func judge(_ path: String, _ view: @autoclosure () throws(StoreError) -> VersionView) throws(StoreError) {
      guard paths?.contains(path) ?? true else { return }
      let view = try view()
      guard let reason = try parsing(path, try view.danger()) else { return }
      withheld.append(WithheldFile(path: path, reason: reason))
    }
    for file in manifest.files where file.blob != nil { try judge(file.path, try open(file)) }
    // Weight files that were parsed when they came are data.
    for file in manifest.parts where file.table == nil { try judge(file.path, try open(file)) }
    return withheld
  }

  /// How a weight file that is kept unread was hashed. Its record says nothing of its digest: its bytes tell, which are checked.
  ///
  /// - Throws: `damaged` if they are not those that came.
  func segments(ofUnread file: WeightRecord) throws(StoreError) -> SegmentTable {
    let blob = try blobStore(try records.store.blobs.open(file.blob))
    let sum = try posix(try RangeScanner(blob, progress: { _ in true }).checksums(of: [0..<blob.byteCount]))[0]
    let table = SegmentTable(whole: blob.byteCount, sum.digest)
    guard table.blob == file.blob else { throw StoreError(.damaged, "\(file.path) is damaged") }
    return table
  }
}
