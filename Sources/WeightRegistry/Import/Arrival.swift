import StoreRecords
import Tensors

/// A state dict that comes, and the weight files that hold it.
struct Arrival {
  /// The whole state dict.
  struct Contents {
    var table: Table
    var digest: Digest
  }

  /// The files as somebody wrote them: all shards of a set; none if only a synthesized view was copied.
  var files: [WeightRecord]
  /// nil for a file that is kept unread.
  var contents: Contents?
  /// What it is to the main state dict, by the names of the files; nil for a component.
  var source: Manifest.MainSource?

  /// How many tensors it has.
  var tensorCount: Int { contents?.table.stateDict.tensors.count ?? 0 }

  /// A file by itself.
  ///
  /// - Parameter table: what it holds; nil for a file that is kept unread.
  init(_ file: WeightRecord, _ table: Table?) throws(StoreError) {
    files = [file]
    guard let table else { return }
    guard let digest = file.table else { throw StoreError(.damaged, "\(file.path) has no table") }
    contents = Contents(table: table, digest: digest)
    source = .init(file.path)
  }

  init(files: [WeightRecord], table: Table, digest: Digest, source: Manifest.MainSource) {
    self.files = files
    contents = Contents(table: table, digest: digest)
    self.source = source
  }
}
