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
  /// What is a difference from what.
  let differences = BaseTable()
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
      try open(base) { (_) throws(BlobStoreError) in
        throw .damaged(name, "blob \(base), which it is a difference from, is one itself")
      }
    }
  }

  private func open(
    _ id: Digest, openBase: (Digest) throws(BlobStoreError) -> any StoredBytes
  ) throws(BlobStoreError) -> any StoredBytes {
    let (folder, plain, packed) = Self.name(of: id)
    // What is on its way from one file to the other has a moment ago been where it was looked for first, and what a file is a difference
    // from goes when another has taken that file's place.
    var problem = BlobStoreError.missing(id)
    for _ in 0..<2 {
      do throws(PosixError) {
        return try LocalBytes(try root.folder(folder).file(plain), name: Blob.name(of: id))
      } catch  where error.errno == .noSuchFileOrDirectory {} catch { throw .system(error) }
      let file: OpenedFile
      do throws(PosixError) {
        file = try root.folder(folder).file(packed)
      } catch  where error.errno == .noSuchFileOrDirectory { continue } catch { throw .system(error) }
      do throws(BlobStoreError) {
        return try PackedBytes(file, name: Blob.name(of: id), cache: cache, openBase: openBase)
      } catch .missing(let base) {
        problem = .damaged(Blob.name(of: id), "blob \(base), which it is a difference from, is missing")
      }
    }
    throw problem
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
  func usage() throws(BlobStoreError) -> BlobUsage {
    try readDifferences()
    var usage = BlobUsage()
    try system(
      try forEachFile { (blob, isPacked, folder, name) throws(PosixError) in
        guard let size = try folder.status(of: name)?.size else { return }
        usage.bytes += size
        guard isPacked, let blob else { return }
        usage.packedBytes += size
        if !differences.bases(of: blob).isEmpty { usage.differenceBytes += size }
      })
    return usage
  }

  /// All blobs that have a compressed file.
  func packedBlobs() throws(PosixError) -> [Digest] {
    var blobs: [Digest] = []
    try forEachFile { (blob, isPacked, _, _) in if let blob, isPacked { blobs.append(blob) } }
    return blobs
  }

  /// Walks all files: `body` is told which blob's each is, if it is named like one.
  private func forEachFile(
    _ body: (_ blob: Digest?, _ isPacked: Bool, _ folder: Folder, _ name: String) throws(PosixError) -> Void
  ) throws(PosixError) {
    for prefix in try root.names() where prefix.utf8.count == 2 {
      let folder = try root.folder(prefix)
      for name in try folder.names() {
        let named = Self.blob(of: name, in: prefix)
        try body(named?.blob, named?.isPacked ?? false, folder, name)
      }
    }
  }

  /// Lets ``differences`` know what all files say, unless it does.
  func readDifferences() throws(BlobStoreError) {
    try inTurn { () throws(BlobStoreError) in
      try differences.read { () throws(BlobStoreError) in
        var found: [Digest: Set<Digest>] = [:]
        for blob in try system(try packedBlobs()) {
          let name = Self.name(of: blob)
          do throws(BlobStoreError) {
            let file = try system(try root.folder(name.folder).file(name.packed))
            found[blob] = try PackedIndex(of: file, named: Blob.name(of: blob)).bases
          } catch .damaged {
            // It cannot be read, whatever it was a difference from.
          } catch .system(let error) where error.errno == .noSuchFileOrDirectory {
            // It has gone a moment ago.
          }
        }
        return found
      }
    }
  }

  // MARK: Changing

  private func inTurn<R>(_ body: () throws(BlobStoreError) -> R) throws(BlobStoreError) -> R {
    try system(try turn.lock())
    defer { turn.unlock() }
    return try body()
  }

  /// Makes a file in the staging folder, complete and on the disk, the plain file of a blob. A compressed one goes then.
  ///
  /// - Returns: whether the blob was there.
  func place(_ staged: String, from staging: Folder, as id: Digest) throws(PosixError) -> Bool {
    let name = Self.name(of: id)
    let folder = try root.makeFolder(name.folder)
    try turn.lock()
    defer { turn.unlock() }
    let wasPlain = try folder.status(of: name.plain) != nil
    let wasPacked = try folder.status(of: name.packed) != nil
    if wasPlain { try allowReplacing(name.plain, in: folder) }
    try staging.rename(staged, to: name.plain, in: folder)
    try folder.synchronize()
    if wasPacked {
      try folder.removeFile(name.packed)
      try folder.synchronize()
      differences.set([], of: id)
    }
    return wasPlain || wasPacked
  }

  /// What became of a compressed file that was to take a place.
  enum Placement {
    case placed
    /// Nothing has changed, as what it was to take the place of is not there any more.
    case gone
    /// Nothing has changed, as a base of it has become a difference meanwhile, or it has become a base.
    case conflict
  }

  /// Lets a compressed file in the staging folder, complete and on the disk, take the place of a blob's file.
  ///
  /// The blob and its bases have to be pinned: until the plain file has gone a sweep may drop the compressed one.
  ///
  /// - Parameter bases: what the compressed file is a difference from.
  func placePacked(
    _ staged: String, from staging: Folder, as id: Digest, bases: Set<Digest>
  ) throws(BlobStoreError) -> Placement {
    if !bases.isEmpty { try readDifferences() }
    let name = Self.name(of: id)
    let folder = try system(try root.makeFolder(name.folder))
    return try inTurn { () throws(BlobStoreError) in
      if !bases.isEmpty {
        if differences.isBase(id) { return .conflict }
        for base in bases {
          guard try system(try keeps(base)), differences.bases(of: base).isEmpty else { return .conflict }
        }
      }
      do throws(PosixError) {
        let wasPlain = try folder.status(of: name.plain) != nil
        let wasPacked = try folder.status(of: name.packed) != nil
        guard wasPlain || wasPacked else { return .gone }
        // Until the folder is on the disk either file may be the one that is there after a crash.
        differences.set(bases.union(differences.bases(of: id)), of: id)
        try staging.rename(staged, to: name.packed, in: folder)
        try folder.synchronize()
        differences.set(bases, of: id)
        if wasPlain {
          try folder.removeFile(name.plain)
          try folder.synchronize()
        }
        return .placed
      } catch {
        throw .system(error)
      }
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
  /// What the compressed ones take.
  package var packedBytes = 0
  /// What those of them take that are differences from others.
  package var differenceBytes = 0
}
