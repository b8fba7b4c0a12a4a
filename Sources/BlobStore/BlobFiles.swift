import PosixIO
import SystemPackage
import Tensors

/// The files that a store keeps its blobs in: `<root>/<2 hexadecimal digits>/<62>`, or compressed as `<62>.z` beside where that would be.
///
/// If both are there the plain one counts: a step from one to the other was interrupted.
final class BlobFiles: Sendable {
  /// What the name of a compressed file ends with.
  static let packedSuffix = ".z"

  let root: Folder
  private let cache = BlockCache()
  /// Held for the moments in which a blob goes from one file to another.
  private let turn = TurnLock()

  init(root: Folder) { self.root = root }

  static func name(of blob: Digest) -> (folder: String, plain: String, packed: String) {
    let text = blob.hexadecimal
    let plain = String(text.dropFirst(2))
    return (String(text.prefix(2)), plain, plain + packedSuffix)
  }

  /// The blob whose file has a name, and whether that is a compressed one; nil for what is not named like a blob.
  static func blob(of name: String, in folder: String) -> (blob: Digest, isPacked: Bool)? {
    let isPacked = name.hasSuffix(packedSuffix)
    let digits = folder + (isPacked ? String(name.dropLast(packedSuffix.count)) : name)
    return Digest(hexadecimal: digits).map { ($0, isPacked) }
  }

  // MARK: Looking

  /// Opens what has the blob's bytes now.
  func open(_ id: Digest) throws(BlobStoreError) -> any StoredBytes {
    let name = Blob.name(of: id)
    return try open(id) { (base) throws(BlobStoreError) in
      do throws(BlobStoreError) {
        return try open(base) { (_) throws(BlobStoreError) in
          throw .damaged(name, "blob \(base), which it is a difference from, is one itself")
        }
      } catch .missing {
        throw .damaged(name, "blob \(base), which it is a difference from, is missing")
      }
    }
  }

  private func open(
    _ id: Digest, openBase: (Digest) throws(BlobStoreError) -> any StoredBytes
  ) throws(BlobStoreError) -> any StoredBytes {
    let (folder, plain, packed) = Self.name(of: id)
    // What is on its way from one file to the other has a moment ago been where it was looked for first.
    for _ in 0..<2 {
      do throws(PosixError) {
        return try LocalBytes(try root.folder(folder).file(plain), name: Blob.name(of: id))
      } catch  where error.errno == .noSuchFileOrDirectory {} catch { throw .system(error) }
      let file: OpenedFile
      do throws(PosixError) {
        file = try root.folder(folder).file(packed)
      } catch  where error.errno == .noSuchFileOrDirectory { continue } catch { throw .system(error) }
      return try PackedBytes(file, name: Blob.name(of: id), cache: cache, openBase: openBase)
    }
    throw .missing(id)
  }

  /// Opens a compressed file that is not in its place yet, to see whether it can be read.
  func open(staged file: OpenedFile, of id: Digest) throws(BlobStoreError) -> any StoredBytes {
    try PackedBytes(file, name: Blob.name(of: id), cache: cache) { (base) throws(BlobStoreError) in try open(base) }
  }

  /// The plain file of a blob; nil if it has none.
  func plainFile(of id: Digest) throws(PosixError) -> OpenedFile? {
    let name = Self.name(of: id)
    do throws(PosixError) { return try root.folder(name.folder).file(name.plain) } catch
      where error.errno == .noSuchFileOrDirectory
    { return nil }
  }

  /// Whether the blob has a plain file.
  func hasPlainFile(_ id: Digest) throws(PosixError) -> Bool {
    let name = Self.name(of: id)
    guard try root.status(of: name.folder) != nil else { return false }
    return try root.folder(name.folder).status(of: name.plain) != nil
  }

  /// Whether the blob is there.
  func keeps(_ id: Digest) throws(PosixError) -> Bool {
    let name = Self.name(of: id)
    guard try root.status(of: name.folder) != nil else { return false }
    let folder = try root.folder(name.folder)
    for file in [name.plain, name.packed, name.plain] {
      if try folder.status(of: file)?.kind == .regular { return true }
    }
    return false
  }

  /// What the files take.
  func usage() throws(PosixError) -> BlobUsage {
    var usage = BlobUsage()
    for prefix in try root.names() where prefix.utf8.count == 2 {
      let folder = try root.folder(prefix)
      for name in try folder.names() {
        guard let size = try folder.status(of: name)?.size else { continue }
        usage.bytes += size
        guard Self.blob(of: name, in: prefix)?.isPacked == true else { continue }
        usage.packedBlobs += 1
        usage.packedBytes += size
      }
    }
    return usage
  }

  /// All blobs that have a compressed file.
  func packedBlobs() throws(PosixError) -> [Digest] {
    var blobs: [Digest] = []
    for prefix in try root.names() where prefix.utf8.count == 2 {
      for name in try root.folder(prefix).names() {
        if let (blob, isPacked) = Self.blob(of: name, in: prefix), isPacked { blobs.append(blob) }
      }
    }
    return blobs
  }

  // MARK: Changing

  private func inTurn<R>(_ body: () throws(PosixError) -> R) throws(PosixError) -> R {
    try turn.lock()
    defer { turn.unlock() }
    return try body()
  }

  /// Makes a file in the staging folder, complete and on the disk, the plain file of a blob. A compressed one goes then.
  ///
  /// - Returns: whether the blob was there.
  func place(_ staged: String, from staging: Folder, as id: Digest) throws(PosixError) -> Bool {
    let name = Self.name(of: id)
    let folder = try root.makeFolder(name.folder)
    return try inTurn { () throws(PosixError) in
      let wasPlain = try folder.status(of: name.plain) != nil
      let wasPacked = try folder.status(of: name.packed) != nil
      if wasPlain { try allowReplacing(name.plain, in: folder) }
      try staging.rename(staged, to: name.plain, in: folder)
      try folder.synchronize()
      if wasPacked {
        try folder.removeFile(name.packed)
        try folder.synchronize()
      }
      return wasPlain || wasPacked
    }
  }

  /// Lets a compressed file in the staging folder, complete and on the disk, take the place of a blob's plain file.
  ///
  /// The blob has to be pinned: until the plain file has gone a sweep may drop the compressed one.
  ///
  /// - Returns: false, and nothing has changed, if there is no plain file any more.
  func placePacked(_ staged: String, from staging: Folder, as id: Digest) throws(PosixError) -> Bool {
    let name = Self.name(of: id)
    let folder = try root.makeFolder(name.folder)
    return try inTurn { () throws(PosixError) in
      guard try folder.status(of: name.plain) != nil else { return false }
      try staging.rename(staged, to: name.packed, in: folder)
      try folder.synchronize()
      try folder.removeFile(name.plain)
      try folder.synchronize()
      return true
    }
  }

  /// An immutable file cannot be replaced.
  private func allowReplacing(_ name: String, in folder: Folder) throws(PosixError) {
    let file = try folder.file(name)
    if file.isImmutable { try file.setImmutable(false) }
  }

  /// Removes the plain file of a blob.
  func withdraw(_ id: Digest) throws(PosixError) {
    let name = Self.name(of: id)
    try root.folder(name.folder).removeFile(name.plain)
  }
}

/// What the files of a store's blobs take.
package struct BlobUsage: Sendable, Hashable {
  /// Of all files, as `stat` presents them.
  package var bytes = 0
  /// How many blobs are compressed.
  package var packedBlobs = 0
  /// What those take.
  package var packedBytes = 0
}
