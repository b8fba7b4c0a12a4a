package import PosixIO
import Synchronization
import SystemPackage
package import Tensors

/// Immutable files named by what is in them: `<root>/<2 hexadecimal digits>/<62>`.
package final class BlobStore: Sendable {
  private let root: Folder
  /// Where files are made before they become blobs: the same file system as the blobs. Nil if nothing is to be made.
  let staging: Folder?
  private let openFiles = Mutex<[Digest: WeakFile]>([:])

  private struct WeakFile: Sendable {
    weak var file: OpenedFile?
  }

  /// - Parameters:
  ///   - root: the folder of the blobs (`weights/sha256`).
  ///   - staging: a folder on the same file system.
  package init(root: Folder, staging: Folder?) {
    self.root = root
    self.staging = staging
  }

  private func name(of blob: Digest) -> (folder: String, file: String) {
    let text = blob.hexadecimal
    return (String(text.prefix(2)), String(text.dropFirst(2)))
  }

  /// Opens a blob for reading; those who have the same one open share a descriptor.
  package func open(_ blob: Digest) throws(BlobStoreError) -> OpenedFile {
    if let file = openFiles.withLock({ $0[blob]?.file }) { return file }
    let name = name(of: blob)
    do throws(PosixError) {
      let file = try root.folder(name.folder).file(name.file)
      openFiles.withLock { files in
        if files.count > 256 { files = files.filter { $0.value.file != nil } }
        files[blob] = WeakFile(file: file)
      }
      return file
    } catch {
      throw error.errno == .noSuchFileOrDirectory ? .missing(blob) : .system(error)
    }
  }

  /// Whether the blob is there.
  package func contains(_ blob: Digest) throws(BlobStoreError) -> Bool {
    do {
      _ = try open(blob)
      return true
    } catch {
      if case .missing = error { return false }
      throw error
    }
  }

  /// The bytes of a small blob of one segment, checked against its id.
  ///
  /// - Throws: `damaged` if they do not match or are more than `limit`.
  package func contents(of blob: Digest, limit: Int) throws(BlobStoreError) -> [UInt8] {
    let file = try open(blob)
    let bytes: [UInt8]
    do throws(PosixError) {
      bytes = try file.contents(limit: limit)
    } catch {
      throw error.errno == .fileTooLarge ? .damaged(blob, "it has more than \(limit) bytes") : .system(error)
    }
    guard SegmentTable(whole: bytes).blob == blob else { throw .damaged(blob, "its bytes have another digest") }
    return bytes
  }

  /// Stores a small blob of one segment; durable on return.
  package func store(_ bytes: [UInt8]) throws(BlobStoreError) -> Digest {
    let table = SegmentTable(whole: bytes)
    if try contains(table.blob) { return table.blob }
    var ingest = try beginIngest()
    try ingest.append(bytes)
    return try ingest.commit(table)
  }

  /// Starts a new blob.
  package func beginIngest() throws(BlobStoreError) -> Ingest {
    guard let staging else { throw .system(PosixError(.readOnlyFileSystem, call: "openat", path: root.path)) }
    do throws(PosixError) {
      return try Ingest(store: self, staging: staging)
    } catch {
      throw .system(error)
    }
  }

  /// Makes a file that is in the staging folder a blob in the making, without a copy.
  ///
  /// - Parameters:
  ///   - name: its name in the staging folder. It stays there, whatever becomes of the ingest: a draft may name it.
  ///   - file: the file itself, open.
  ///   - isShared: whether others may have it open for writing. It is made immutable when it becomes a blob; whoever knows
  ///     when they have gone takes that back.
  package func beginIngest(
    takingOver name: String, _ file: OpenedFile, isShared: Bool
  ) throws(BlobStoreError) -> Ingest {
    guard let staging else { throw .system(PosixError(.readOnlyFileSystem, call: "openat", path: root.path)) }
    do throws(PosixError) {
      return try Ingest(store: self, staging: staging, takingOver: name, file, isShared: isShared)
    } catch {
      throw .system(error)
    }
  }

  /// Gives a blob a second name in the staging folder, or a copy there while it is frozen, from where it can be ingested once
  /// more, cut otherwise.
  package func stage(_ blob: Digest, as staged: String) throws(BlobStoreError) -> OpenedFile {
    guard let staging else { throw .system(PosixError(.readOnlyFileSystem, call: "linkat", path: root.path)) }
    let name = name(of: blob)
    do throws(PosixError) {
      let folder = try root.folder(name.folder)
      let file = try folder.file(name.file)
      if file.isImmutable {
        try file.copy(to: try staging.makeFile(staged, exclusively: true)) { (_: Int) throws(PosixError) in }
      } else {
        try folder.link(name.file, as: staged, in: staging)
      }
      return try staging.file(staged)
    } catch {
      throw error.errno == .noSuchFileOrDirectory ? .missing(blob) : .system(error)
    }
  }

  /// Makes a staged file a blob: forced to disk, made read-only, renamed, its folder forced to disk.
  ///
  /// - Parameter staysStaged: whether the file keeps its name in the staging folder, as a second name of the blob.
  /// - Returns: whether the file is the blob; false if there was one already.
  func adopt(
    _ file: OpenedFile, in staging: Folder, stagedAs staged: String, staysStaged: Bool, as blob: Digest
  ) throws(PosixError) -> Bool {
    let name = name(of: blob)
    let folder = try root.makeFolder(name.folder)
    // An existing blob of another size is damaged, and mended by taking the new file.
    if let existing = try folder.status(of: name.file), existing.size == (try file.status().size) {
      if !staysStaged { try staging.removeFile(staged) }
      return false
    }
    try file.makeReadOnly()
    try file.synchronize()
    var moved = staged
    if staysStaged {
      moved = Ingest.newName()
      try staging.link(staged, as: moved, in: staging)
    }
    try staging.rename(moved, to: name.file, in: folder)
    try folder.synchronize()
    return true
  }

  /// Removes a name in the staging folder; nothing there is no error.
  ///
  /// - Returns: false, and the name stays, if the file is frozen and somebody still has it open for writing.
  package func removeStaged(_ staged: String) throws(PosixError) -> Bool {
    guard let staging else { throw PosixError(.readOnlyFileSystem, call: "unlinkat", path: root.path) }
    guard let status = try staging.status(of: staged) else { return true }
    if status.kind == .regular {
      let file = try staging.file(staged)
      if file.isImmutable {
        if file.hasWriters { return false }
        try file.setImmutable(false)
      }
    }
    try staging.removeFile(staged)
    return true
  }

  /// Whether files can be kept from being written to by whoever has them open: asks the file system, and the kernel, by trying.
  package func canFreeze() throws(PosixError) -> Bool {
    guard let staging else { return false }
    let name = Ingest.newName()
    let file = try staging.makeFile(name, exclusively: true)
    var isPossible = true
    do throws(PosixError) {
      try file.setImmutable(true)
      try file.setImmutable(false)
    } catch {
      isPossible = false
    }
    try staging.removeFile(name)
    return isPossible
  }

  /// Takes back that `file` is a blob: its bytes have changed since they were hashed, and nothing names it yet.
  func withdraw(_ blob: Digest, _ file: OpenedFile) throws(PosixError) {
    let name = name(of: blob)
    if file.isImmutable { try file.setImmutable(false) }
    try root.folder(name.folder).removeFile(name.file)
    openFiles.withLock { $0[blob] = nil }
  }

  /// Takes a copy of a blob over from another store, durably, unless it is here. Its bytes are not compared with its id:
  /// whoever needs to know validates.
  ///
  /// - Parameter progress: told of the bytes copied so far; what it throws (`EINTR`) ends the copy.
  package func adopt(
    _ blob: Digest, from other: BlobStore, progress: (_ done: Int) throws(PosixError) -> Void
  ) throws(BlobStoreError) {
    if try contains(blob) { return }
    let source = try other.open(blob)
    let ingest = try beginIngest()
    do throws(PosixError) { try source.copy(to: ingest.file, progress: progress) } catch { throw .system(error) }
    try ingest.commit(as: blob)
  }

  /// Removes every blob that is not in `live`, or only counts them.
  ///
  /// - Parameter progress: told how many of the folders of blobs are done.
  /// - Returns: how many blobs went or would go, and their bytes.
  package func sweep(
    keeping live: Set<Digest>, isDryRun: Bool = false, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(BlobStoreError) -> (count: Int, bytes: Int) {
    do throws(PosixError) {
      var count = 0
      var bytes = 0
      let prefixes = try root.names().filter { $0.count == 2 }
      for (index, prefix) in prefixes.enumerated() {
        progress(index, prefixes.count)
        let folder = try root.folder(prefix)
        for name in try folder.names() {
          // What is not named like a blob is not ours to remove.
          guard let blob = Digest(hexadecimal: prefix + name), !live.contains(blob) else { continue }
          // Somebody may still have it open for writing, and it cannot be removed before they have gone.
          if try folder.file(name).isImmutable { continue }
          bytes += try folder.status(of: name)?.size ?? 0
          count += 1
          if isDryRun { continue }
          try folder.removeFile(name)
          openFiles.withLock { $0[blob] = nil }
        }
        if !isDryRun { try folder.synchronize() }
      }
      return (count, bytes)
    } catch {
      throw .system(error)
    }
  }

  /// Bytes of all blobs, as they are presented by `stat`: walks the folders.
  package func storedByteCount() throws(BlobStoreError) -> Int {
    do throws(PosixError) {
      var total = 0
      for prefix in try root.names() where prefix.count == 2 {
        let folder = try root.folder(prefix)
        for name in try folder.names() { total += try folder.status(of: name)?.size ?? 0 }
      }
      return total
    } catch {
      throw .system(error)
    }
  }
}

extension SegmentTable {
  /// The table of a small blob that is hashed as one segment.
  init(whole bytes: [UInt8]) {
    self.init(bytes.isEmpty ? [] : [Segment(offset: 0, byteCount: bytes.count, digest: Digest(of: bytes))])
  }
}
