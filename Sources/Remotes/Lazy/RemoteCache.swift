import PosixIO
import StoreRecords
import Tensors
import WeightRegistry

/// The folder of a cache: a store with the records, tables and ordinary files of what was mounted, and beside them what is known of
/// the remote, and files that blobs are filled into.
///
///     <cache>/                        a store
///     `-- .staging/remote/
///         |-- remote.json             where it comes from
///         |-- kept/<SHA-256>          manifests, records, lists of chunks, signatures
///         `-- sha256/<SHA-256>        blobs as far as they have come, sparse
struct RemoteCache: Sendable {
  let folder: Folder
  let kept: Folder
  private let blobs: Folder

  init(in store: StoreFolder) throws(StoreError) {
    let staging = try store.stagingForWriting
    folder = try posix(try staging.makeFolder("remote"))
    kept = try posix(try folder.makeFolder("kept"))
    blobs = try posix(try folder.makeFolder("sha256"))
  }

  /// The file of a blob: what an earlier mount has left of it, or an empty one of its size.
  func file(of blob: RemoteBlob) throws(StoreError) -> OpenedFile {
    let name = blob.digest.hexadecimal
    if let status = try posix(try blobs.status(of: name)), status.kind != .regular || status.size > blob.byteCount {
      try posix(try blobs.removeFile(name))
    }
    let file = try posix(try blobs.makeFile(name, exclusively: false))
    if try posix(try file.status().size) != blob.byteCount { try posix(try file.truncate(to: blob.byteCount)) }
    return file
  }

  /// Bytes that the files of blobs take, which are not those of these ones.
  func strangeByteCount(besides known: Set<Digest>) throws(StoreError) -> Int {
    var total = 0
    for name in try posix(try blobs.names()) {
      guard let digest = Digest(hexadecimal: name), !known.contains(digest) else { continue }
      total += try posix(try blobs.status(of: name))?.allocated ?? 0
    }
    return total
  }
}
