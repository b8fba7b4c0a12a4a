import BlobStore
import Logging
import PosixIO
import StoreRecords
import Synchronization
import WeightFormats
import WeightRegistry

/// A file in the making: what one open for writing writes to. Nobody else sees its bytes before they are committed.
///
/// Whoever reads or writes the file, or commits it, holds ``turn``; `facts` guards values only and is taken after it.
final class Writer: Sendable {
  /// A copy that has cost nothing so far: `count` bytes from the beginning of a view, as `COPY_FILE_RANGE` asked, or all of
  /// what was opened to be changed.
  struct Clone: Sendable {
    var source: VersionView
    /// What was copied; nil for what was there under the file's own name.
    var node: Node?
    var count: Int
    var isWhole: Bool { count == source.byteCount }

    /// Reads it where its bytes are.
    func read(offset: Int, count: Int) throws(FileSystemError) -> [UInt8] {
      let length = max(0, min(count, self.count - offset))
      guard offset >= 0, length > 0 else { return [] }
      do throws(FormatError) {
        return try source.bytes(at: offset, count: length, what: "a copy")
      } catch {
        throw FileSystemError(StoreError(error, file: "a copy"))
      }
    }
  }

  struct Facts: Sendable {
    /// Where a close puts the file; nil after its name was unlinked.
    var destination: FilePlace?
    var upload: Upload
    /// Whether it was opened for reading, too.
    var isReadable: Bool
    /// mtime that somebody asked for.
    var modified: Int64?
    /// Permissions and extended attributes, which count if it turns out to be an ordinary file.
    var properties = FileProperties.usual
    /// Whether there is something that no close has committed or refused yet. Of a shared file only ``noteWrites()`` tells.
    var isDirty = true
    /// What a shared file was like when a close last committed or refused it.
    var settled: FileStatus?
    /// Whether the upload has been handed over: it is a blob, or a draft names it. Writing takes a fresh copy.
    var isSealed = false
    /// Whether the bytes are published as weights: writing is refused.
    var isFrozen = false
    /// Whether the caller has cut what was there: being empty is then an outcome too.
    var hasTruncated: Bool
    var clone: Clone?
    /// Whether the last close kept it as an ordinary file, under a name that may be that of weights.
    var isOrdinary = false
    /// Whether it is refused if its version is published with other weights.
    var makesNoEdition = false
    /// Why the last close was refused.
    var refusal: FileSystemError?
    /// Whether the last close was interrupted: who does not close again no longer wants the file.
    var isGivenUp = false
    /// Whether a close has kept it as an ordinary file that is no blob yet, and nobody has written to it since.
    var isSettling: Bool { isOrdinary && !isDirty && !isSealed }
  }

  let tree: MountedTree
  let number: UInt64
  private let turn = Mutex<Void>(())
  let facts: Mutex<Facts>

  init(
    tree: MountedTree, number: UInt64, destination: FilePlace, upload: Upload, isReadable: Bool, hasTruncated: Bool
  ) {
    self.tree = tree
    self.number = number
    facts = Mutex(
      Facts(destination: destination, upload: upload, isReadable: isReadable, hasTruncated: hasTruncated))
  }

  var current: Facts { facts.withLock { $0 } }

  /// Runs `body` while nobody else reads, writes or commits the file.
  func inTurn<R>(_ body: () throws(FileSystemError) -> R) throws(FileSystemError) -> R {
    try turn.inTurn(body)
  }

  /// The file is to begin with what is there already. What was not changed need not be committed.
  func begin(with base: VersionView) {
    facts.withLock { facts in
      facts.clone = Clone(source: base, node: nil, count: base.byteCount)
      facts.isDirty = false
    }
  }

  // MARK: What a close has dealt with

  /// Looks whether somebody has written to a shared file since a close last dealt with it: the kernel does not tell.
  func noteWrites() throws(StoreError) {
    let facts = current
    guard facts.upload.isShared, let settled = facts.settled else { return }
    let status = try posix(try facts.upload.file.status())
    guard (status.size, status.modified) != (settled.size, settled.modified) else { return }
    self.facts.withLock { facts in
      facts.isDirty = true
      facts.isGivenUp = false
      facts.refusal = nil
      facts.settled = nil
    }
  }

  /// Notes that a close has dealt with all that was written so far: committed it, or refused it.
  func settle(refusal: FileSystemError? = nil) throws(StoreError) {
    let upload = current.upload
    let status = upload.isShared ? try posix(try upload.file.status()) : nil
    facts.withLock { facts in
      facts.isDirty = false
      facts.isGivenUp = false
      facts.refusal = refusal
      facts.settled = status
    }
  }

  // MARK: Facts

  /// Bytes of the file now.
  func byteCount() throws(StoreError) -> Int {
    let facts = current
    return if let clone = facts.clone { clone.count } else { try uploadByteCount() }
  }

  /// Bytes that are in the staging folder.
  func uploadByteCount() throws(StoreError) -> Int {
    try posix(try current.upload.file.status().size)
  }

  /// mtime that a commit gives the file.
  func modified() throws(StoreError) -> Int64 {
    let facts = current
    if let modified = facts.modified { return modified }
    return try posix(try facts.upload.file.status().modified)
  }

  // MARK: Bytes

  func read(offset: Int, count: Int) throws(FileSystemError) -> [UInt8] {
    try inTurn { () throws(FileSystemError) in
      let facts = current
      if let clone = facts.clone { return try clone.read(offset: offset, count: count) }
      return try tree.step(try posix(try facts.upload.file.read(at: offset, count: count)))
    }
  }

  /// Cuts or grows the file.
  func cut(to size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try change(keeping: size, isInterrupted) { (file) throws(PosixError) in try file.truncate(to: size) }
    if size == 0 { facts.withLock { $0.hasTruncated = true } }
  }

  /// Changes the bytes.
  ///
  /// - Parameter limit: how many of the bytes, from the beginning, outlive the change.
  /// - Throws: `EPERM` once they are published; `EINTR` before anything has changed.
  func change(
    keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool,
    _ body: (OpenedFile) throws(PosixError) -> Void
  ) throws(FileSystemError) {
    try inTurn { () throws(FileSystemError) in
      guard !current.isFrozen else {
        throw FileSystemError(
          .notPermitted, "the file is published as weights, which never change: open its name again to write a new one")
      }
      try materialize(keeping: limit, isInterrupted)
      try unseal(keeping: limit, isInterrupted)
      do throws(PosixError) {
        try body(current.upload.file)
      } catch {
        // A file that lacks a part must not be kept, whatever its writer makes of the error; close says it again.
        let failure = FileSystemError(StoreError(error))
        facts.withLock { facts in
          facts.isDirty = false
          facts.refusal = failure
        }
        throw failure
      }
      facts.withLock { facts in
        facts.isDirty = true
        facts.isOrdinary = false
        facts.refusal = nil
      }
    }
  }

  /// Lets the file be a copy of the beginning of another, at no cost so far.
  ///
  /// - Throws: `EXDEV` if the caller has to read and write instead.
  func copyRange(from source: CopySource, offset: Int, count: Int) throws(FileSystemError) -> Int {
    try inTurn { () throws(FileSystemError) in
      let facts = current
      let size = try tree.step(try byteCount())
      // Who reads a shared file reads what is in the staging folder: a clone is not.
      guard !facts.isFrozen, !facts.isSealed, offset == size,
        facts.clone.map({ $0.source === source.view }) ?? (size == 0), !(facts.upload.isShared && facts.isReadable)
      else {
        throw FileSystemError(.crossDevice)
      }
      let end = min(source.view.byteCount, offset + min(count, source.view.byteCount - offset))
      self.facts.withLock { facts in
        facts.clone = Clone(source: source.view, node: source.node, count: end)
        facts.isDirty = true
        facts.refusal = nil
      }
      return end - offset
    }
  }

  /// Copies what was so far only promised to be a copy. In turn.
  ///
  /// - Parameter limit: how many of its bytes, from the beginning, are needed.
  func materialize(keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    guard let clone = current.clone else { return }
    let file = current.upload.file
    do throws(FileSystemError) {
      try clone.source.copy(min(clone.count, limit), to: file, isInterrupted)
    } catch {
      // A shared file that is not empty counts as written to.
      try tree.step(try posix(try file.truncate(to: 0)))
      throw error
    }
    facts.withLock { $0.clone = nil }
  }

  /// Gives a file that has been committed bytes of its own again. In turn.
  private func unseal(keeping limit: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    let facts = current
    guard facts.isSealed else { return }
    let fresh = try copy(of: facts.upload, keeping: limit, isInterrupted)
    self.facts.withLock { facts in
      facts.upload = fresh
      facts.isSealed = false
    }
  }

  /// Begins an upload with the bytes of another one.
  ///
  /// - Parameter limit: how many of the bytes, from the beginning, are needed.
  func copy(
    of upload: Upload, keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Upload {
    let fresh = try tree.step(try tree.records.uploads.begin())
    try tree.filling(fresh) { () throws(FileSystemError) in
      let source = try tree.step(try tree.registry.views.open(upload))
      try source.copy(min(source.byteCount, limit), to: fresh.file, isInterrupted)
    }
    return fresh
  }

  func synchronize(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try tree.step(try posix(try current.upload.file.synchronize(unless: isInterrupted)))
  }

  /// The last reference is gone: what no close could commit goes.
  func end() {
    // Nobody waits for a release's answer, and what stays behind is swept at the next start.
    do throws(FileSystemError) {
      try tree.step(try noteWrites())
      let facts = current
      let commit = Commit(writer: self) { false }
      if facts.destination != nil, facts.isDirty, facts.refusal == nil, !facts.isGivenUp {
        try commit.run(isLast: true)
      }
      try commit.settle()
    } catch {
      tree.logger.warning("\(current.destination?.description ?? "an unlinked file"): \(error)")
    }
    do throws(StoreError) {
      if !current.isSealed { try tree.records.uploads.discard(current.upload.name) }
    } catch {
      tree.logger.warning("\(error)")
    }
    tree.writers.remove(number)
  }
}

extension VersionView {
  /// Writes the first `count` bytes (nil: all) to the beginning of `file`.
  func copy(
    _ count: Int? = nil, to file: OpenedFile, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    do throws(BlobStoreError) {
      try copy(count, to: file) { _ in !isInterrupted() }
    } catch {
      throw FileSystemError(StoreError(error))
    }
  }
}

/// A file in the making that a program has open.
struct WriterHandle: OpenHandle {
  let writer: Writer

  func copyRange(from source: CopySource, offset: Int, count: Int) throws(FileSystemError) -> Int {
    try writer.copyRange(from: source, offset: offset, count: count)
  }

  func allocate(offset: Int, count: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try writer.change(isInterrupted) { (file) throws(PosixError) in try file.allocate(offset: offset, count: count) }
  }

  func synchronize(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try writer.synchronize(isInterrupted)
  }

  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    [.bytes(try writer.read(offset: offset, count: count)[...])]
  }

  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try writer.change(isInterrupted) { (file) throws(PosixError) in try file.write(bytes, at: offset) }
  }

  func flush(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try Commit(writer: writer, isInterrupted).run(isLast: false)
  }

  func release() { writer.end() }
}
