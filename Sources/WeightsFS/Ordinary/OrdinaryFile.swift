import BlobStore
import Logging
import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

/// An ordinary file that somebody has open: one file for all who read and write it.
///
/// Whoever changes it gets it bytes of its own in the staging folder, under a name that the folder's record has: what was written
/// outlives its writer and this process. When the last writer has gone it becomes a blob again. A file with a name that begins
/// with a dot stays in the staging folder, since most such names are given up for another soon.
///
/// Whoever changes or commits the file holds `turn`; `facts` guards values only and is taken after it.
final class OrdinaryFile: Sendable {
  /// Where the bytes are.
  enum Body: Sendable {
    /// The folder's record names a blob.
    case stored(FolderFile, VersionView)
    /// The beginning of another file, as `COPY_FILE_RANGE` asked for, which is not copied yet.
    case promised(FolderFile, VersionView, count: Int)
    case staged(Upload)

    /// Whether a folder's record says the same.
    func isRecorded(as file: FolderFile) -> Bool {
      switch self {
      case .stored(let known, _): known == file
      case .promised: true
      case .staged(let upload): file.upload == upload.name
      }
    }
  }

  struct Facts: Sendable {
    /// nil after the file was removed, or replaced by another.
    var place: FilePlace?
    var body: Body
    /// How often the file is open, how often for writing, and how many of those who have it open are closing it.
    var opens = 0
    var writers = 0
    var closing = 0
    var properties: FileProperties
    /// Whether the bytes have been published as weights, which never change.
    var isFrozen = false
    /// Whether the kernel reads and writes the staged file itself.
    var isBacked = false
    /// How many changes have come, and how many of them are done.
    var changes = (begun: 0, done: 0)
  }

  let tree: MountedTree
  /// Names the file where it has no place any more.
  let number: UInt64
  private let turn = Mutex<Void>(())
  let facts: Mutex<Facts>

  init(
    tree: MountedTree, number: UInt64, place: FilePlace, body: Body, properties: FileProperties, isBacked: Bool = false
  ) {
    self.tree = tree
    self.number = number
    facts = Mutex(Facts(place: place, body: body, properties: properties, isBacked: isBacked))
  }

  var current: Facts { facts.withLock { $0 } }

  /// What an inode of the file stands for.
  var node: Node { current.place.map { .ordinary($0) } ?? .removed(number) }

  /// Runs `body` while nobody else changes or commits the file.
  func inTurn<R>(_ body: () throws(FileSystemError) -> R) throws(FileSystemError) -> R {
    try turn.inTurn(body)
  }

  // MARK: Looking

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let facts = current
    attributes.linkCount = facts.place == nil ? 0 : 1
    (attributes.permissions, attributes.changed) = (facts.properties.permissions, facts.properties.changed)
    switch facts.body {
    case .stored(let file, _): (attributes.size, attributes.modified) = (file.byteCount, file.modified)
    case .promised(let file, _, let count): (attributes.size, attributes.modified) = (count, file.modified)
    case .staged(let upload): attributes.take(try tree.step(try posix(try upload.file.status())))
    }
  }

  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    // The kernel shows a write from the moment at which it takes it. If it has given up those pages by now, it would keep what
    // is read here: that has to come after the writes that are under way.
    let begun = current.changes.begun
    while current.changes.done < begun { try inTurn { () throws(FileSystemError) in } }
    switch current.body {
    case .stored(_, let view): return view.stretches(offset: offset, count: count)
    case .promised(_, let view, let end): return view.stretches(offset: offset, count: max(0, min(count, end - offset)))
    case .staged(let upload):
      return [.bytes(try tree.step(try posix(try upload.file.read(at: offset, count: count)))[...])]
    }
  }

  /// The bytes as they are now.
  func view() throws(FileSystemError) -> VersionView {
    switch current.body {
    case .stored(_, let view), .promised(_, let view, _): view
    case .staged(let upload): try tree.step(try tree.registry.views.open(upload))
    }
  }

  // MARK: Changing

  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try change(isInterrupted) { (file) throws(PosixError) in try file.write(bytes, at: offset) }
  }

  /// Cuts or grows the file.
  func cut(to size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try change(keeping: size, isInterrupted) { (file) throws(PosixError) in try file.truncate(to: size) }
  }

  /// Changes the bytes, in the staging folder.
  ///
  /// - Parameter limit: how many of the bytes, from the beginning, outlive the change.
  /// - Throws: `EINTR` before anything has changed.
  func change(
    keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool,
    _ body: (OpenedFile) throws(PosixError) -> Void
  ) throws(FileSystemError) {
    facts.withLock { $0.changes.begun += 1 }
    defer { facts.withLock { $0.changes.done += 1 } }
    try inTurn { () throws(FileSystemError) in
      if current.isFrozen {
        throw FileSystemError(
          .notPermitted, "the file is published as weights, which never change: open its name again to write a new one")
      }
      let upload = try stage(keeping: limit, isInterrupted)
      try tree.step(try posix(try body(upload.file)))
    }
  }

  /// Gives the file bytes of its own, which the folder's record names. In turn.
  @discardableResult
  private func stage(
    keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Upload {
    let facts = current
    let source: (view: VersionView, count: Int)
    switch facts.body {
    case .staged(let upload): return upload
    case .stored(let file, let view): source = (view, file.byteCount)
    case .promised(_, let view, let count): source = (view, count)
    }
    let upload = try tree.step(try tree.records.uploads.begin())
    try tree.filling(upload) { () throws(FileSystemError) in
      try source.view.copy(min(source.count, limit), to: upload.file, isInterrupted)
      guard let place = facts.place else { return }
      try tree.ordinary.changing(place) { () throws(FileSystemError) in
        try OrdinaryNames(tree: tree).record(upload, at: place, facts.properties)
      }
    }
    self.facts.withLock { $0.body = .staged(upload) }
    return upload
  }

  /// - Parameter time: mtime in nanoseconds since 1970.
  func setModified(_ time: Int64) throws(FileSystemError) {
    try inTurn { () throws(FileSystemError) in
      let (facts, now) = (current, Timestamp.now())
      switch facts.body {
      case .stored(let file, let view):
        if let place = facts.place {
          try tree.change(place) { _ in [.setModified(place.path, time, changed: now)] }
        }
        var changed = file.moved(to: file.path, modified: time)
        changed.properties.changed = now
        self.facts.withLock { $0.body = .stored(changed, view) }
      case .promised(let file, let view, let count):
        self.facts.withLock { $0.body = .promised(file.moved(to: file.path, modified: time), view, count: count) }
      case .staged(let upload): try tree.step(try posix(try upload.file.setModified(time)))
      }
      self.facts.withLock { $0.properties.changed = now }
    }
  }

  /// Gives the file other permissions or extended attributes.
  func changeProperties(_ change: PropertyChange) throws(FileSystemError) {
    try inTurn { () throws(FileSystemError) in
      let properties = try change(current.properties)
      if let place = current.place {
        try tree.change(place) { FolderChange.giving(properties, to: place.path, in: $0) }
      }
      facts.withLock { facts in
        facts.properties = properties
        if case .stored(var file, let view) = facts.body {
          file.properties = properties
          facts.body = .stored(file, view)
        }
      }
    }
  }

  /// Lets an empty file be the beginning of another, at no cost so far.
  ///
  /// - Throws: `EXDEV` if the caller has to read and write instead.
  func copyRange(from source: CopySource, offset: Int, count: Int) throws(FileSystemError) -> Int {
    try inTurn { () throws(FileSystemError) in
      let facts = current
      guard let place = facts.place, let file = source.file, !facts.isFrozen, !facts.isBacked else {
        throw FileSystemError(.crossDevice)
      }
      switch facts.body {
      case .staged(let upload):
        let size = try tree.step(try posix(try upload.file.status().size))
        guard size == 0, offset == 0 else { throw FileSystemError(.crossDevice) }
      case .promised(_, let view, let end):
        guard view === source.view, offset == end else { throw FileSystemError(.crossDevice) }
      case .stored: throw FileSystemError(.crossDevice)
      }
      let end = min(source.view.byteCount, offset + min(count, source.view.byteCount - offset))
      let copy = file.moved(to: place.path, modified: Timestamp.now())
      self.facts.withLock { $0.body = .promised(copy, source.view, count: end) }
      return end - offset
    }
  }

  // MARK: Keeping

  /// `fsync`: what was written is on the disk, and its name is.
  func synchronize(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    guard case .staged(let upload) = current.body else { return }
    try tree.step(try posix(try upload.file.synchronize(unless: isInterrupted)))
  }

  /// One close by a writer. A writer that was sent a signal, and goes on, loses nothing: what is not done now is done when it has
  /// closed.
  func flush(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    do throws(FileSystemError) {
      let facts = current
      // What the kernel writes itself is done when it is closed for good.
      if facts.writers > 1 || facts.isBacked || facts.place?.purpose == .temporary {
        try synchronize(isInterrupted)
      } else if case .staged(let upload) = facts.body, try tree.step(try posix(try upload.file.status().size)) == 0 {
        // Shells close a copy of the descriptor before anything is written. An empty file is stored by its last close.
      } else {
        try commit(isInterrupted)
      }
    } catch {
      if error.errno != FileSystemError.Condition.interrupted.errno { throw error }
    }
  }

  /// Makes the file a blob, unless it keeps its bytes for another name.
  func commit(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try inTurn { () throws(FileSystemError) in
      let facts = current
      guard let place = facts.place, !facts.isFrozen else { return }
      // The kernel would write to the blob for whoever opens the file beside those who have it open.
      if facts.isBacked, facts.opens > facts.closing { return }
      let folders = tree.registry.folders
      let interruption = Interruption(isInterrupted)
      let isWanted = { (_: VersionFolder) in self.current.place == place }
      switch facts.body {
      case .stored: return
      case .promised(let file, let view, let count) where count == view.byteCount:
        var copy = file.moved(to: place.path)
        copy.properties = facts.properties
        try tree.step(
          try folders.put(copy, in: place.model, place.version, unless: interruption, isWanted: isWanted))
        self.facts.withLock { $0.body = .stored(copy, view) }
      case .promised, .staged:
        let upload = try stage(isInterrupted)
        if place.purpose == .temporary { return }
        let status = try tree.step(try posix(try upload.file.status()))
        var properties = facts.properties
        properties.changed = status.changed(after: properties.changed)
        let kept = properties
        let file = try tree.ordinary.changing(place) { () throws(FileSystemError) in
          try tree.step(
            try folders.keep(
              upload, at: place.path, of: place.model, place.version, modified: status.modified, properties: kept,
              unless: interruption, isWanted: isWanted))
        }
        let view = try tree.step(try tree.registry.views.open(file))
        self.facts.withLock { facts in
          facts.body = .stored(file, view)
          facts.properties = properties
          facts.isBacked = false
        }
      }
      try Publishing(tree: tree, place: place, isInterrupted: isInterrupted).completeShards()
    }
  }

  /// Lets the file become weights: nobody writes to it meanwhile, nor afterwards.
  func freezing(_ publish: () throws(FileSystemError) -> Void) throws(FileSystemError) {
    try inTurn { () throws(FileSystemError) in facts.withLock { $0.isFrozen = true } }
    do throws(FileSystemError) {
      try publish()
    } catch {
      facts.withLock { $0.isFrozen = false }
      throw error
    }
  }

  /// Takes over what the folder's record says by now, unless somebody has changed the file since it was read.
  func refresh(_ old: Body, with body: Body) throws(FileSystemError) {
    try inTurn { () throws(FileSystemError) in
      facts.withLock { facts in
        switch (old, facts.body) {
        case (.stored, .stored): facts.body = body
        case (.staged(let was), .staged(let now)) where was.name == now.name: facts.body = body
        default: break
        }
      }
    }
  }

  /// Takes over what the folder's record says by now, if that has the same bytes.
  ///
  /// - Returns: whether it has.
  func take(_ record: FolderFile) -> Bool {
    facts.withLock { facts in
      switch facts.body {
      case .stored(let known, let view):
        guard known.content == record.content else { return false }
        facts.body = .stored(record, view)
        facts.properties = record.properties
        return true
      case .promised: return false
      case .staged(let upload): return record.upload == upload.name
      }
    }
  }

  /// The last reference is gone: bytes that no record names go.
  func end() {
    let facts = current
    guard facts.place == nil, case .staged(let upload) = facts.body else { return }
    do throws(StoreError) { try tree.records.uploads.discard(upload.name) } catch { tree.logger.warning("\(error)") }
  }
}

extension FileAttributes {
  /// Takes size and times from a file in the staging folder. What was kept of its ctime counts if it is later.
  mutating func take(_ status: FileStatus) {
    (size, modified) = (status.size, status.modified)
    changed = status.changed(after: changed)
  }
}

extension FileStatus {
  /// The ctime, or a later one; nil if that is the mtime.
  func changed(after known: Int64?) -> Int64? {
    let changed = max(changed, known ?? .min)
    return changed == modified ? nil : changed
  }
}
