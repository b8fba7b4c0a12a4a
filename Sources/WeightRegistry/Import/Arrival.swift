import StoreRecords
import Tensors

/// A state dict that comes, and the weight files that hold it.
struct Arrival {
  /// A weight file as somebody wrote it.
  struct File {
    var record: WeightRecord
    /// What it holds; nil for a file that is kept unread.
    var table: Table?

    init(_ record: WeightRecord, _ table: Table?) { (self.record, self.table) = (record, table) }
  }

  /// The whole state dict.
  struct Contents {
    var table: Table
    var digest: Digest
  }

  /// All shards of a set; none if only a synthesized view was copied.
  var files: [File]
  /// nil for a file that is kept unread.
  var contents: Contents?
  /// What it is to the main state dict, by the names of the files; nil for a component.
  var source: Manifest.MainSource?

  var weights: [WeightRecord] { files.map(\.record) }

  /// How many tensors it has.
  var tensorCount: Int { contents?.table.stateDict.tensors.count ?? 0 }

  /// A file by itself.
  ///
  /// - Parameter table: what it holds; nil for a file that is kept unread.
  init(_ record: WeightRecord, _ table: Table?) throws(StoreError) {
    files = [File(record, table)]
    guard let table else { return }
    guard let digest = record.table else { throw StoreError(.damaged, "\(record.path) has no table") }
    contents = Contents(table: table, digest: digest)
    source = .init(record.path)
  }

  init(files: [File], table: Table, digest: Digest, source: Manifest.MainSource) {
    self.files = files
    contents = Contents(table: table, digest: digest)
    self.source = source
  }
}

/// What one of the files of an import becomes.
enum Incoming {
  case weights(Arrival)
  case ordinary(FolderFile)
}
