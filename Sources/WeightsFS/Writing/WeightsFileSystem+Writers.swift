import Logging
import PosixIO
import StoreRecords
import Synchronization
import SystemPackage
import WeightRegistry

extension WeightsFileSystem {
  package func create(
    _ name: String, in parent: InodeNumber, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> CreatedFile {
    let destination = try destination(of: name, in: try node(parent))
    let existing = try node(at: destination)
    if existing?.kind == .directory { throw FileSystemError(.isDirectory) }
    if isExclusive, existing != nil, try !isPublished(destination) { throw FileSystemError(.exists) }
    let writer = try beginWriter(
      at: destination, sharing: true, isReadable: access.reads, hasTruncated: existing != nil)
    let item = try item(.staging(writer.number))
    return CreatedFile(item: item, file: openFile(writer))
  }

  /// Whether a name is that of a file of a published version.
  private func isPublished(_ destination: Destination) throws(FileSystemError) -> Bool {
    guard let place = destination.place else { return false }
    return try versionFolder(of: place.model, place.version).isPublished(place.path)
  }

  /// Begins a file in the making.
  ///
  /// - Parameter sharing: whether whoever writes may have the file itself. Ordinary files are not shared: they may be written to after
  ///   a close has published what there was, as shells do, and what was published must not change.
  func beginWriter(
    at place: Destination, sharing: Bool, isReadable: Bool = true, hasTruncated: Bool
  ) throws(FileSystemError) -> Writer {
    let isSharable = place.place.map { $0.purpose != .ordinary } ?? false
    let upload = try registryStep(try records.uploads.begin(sharing: sharing && isSharable))
    let writer = Writer(
      number: writers.newNumber(), place: place, upload: upload, isReadable: isReadable, hasTruncated: hasTruncated)
    writers.insert(writer)
    return writer
  }

  /// Hands out a file in the making.
  func openFile(_ writer: Writer) -> OpenFile {
    let upload = writer.current.upload
    return OpenFile(
      handle: handles.insert(.writer(writer)), caching: .staging,
      backing: upload.isShared ? upload.file.descriptor.rawValue : nil)
  }

  /// Runs `body` while nobody else reads, writes or commits the file.
  func inTurn<R>(
    _ writer: Writer, _ body: () throws(FileSystemError) -> R
  ) throws(FileSystemError) -> R {
    let result: Result<R, FileSystemError> = writer.turn.withLock { _ in
      do throws(FileSystemError) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  func read(_ writer: Writer, offset: Int, count: Int) throws(FileSystemError) -> [UInt8] {
    try inTurn(writer) { () throws(FileSystemError) in
      if let clone = writer.current.clone { return try clone.read(offset: offset, count: count) }
      var failure: PosixError?
      let file = writer.current.upload.file
      let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, filled in
        do throws(PosixError) {
          filled = try file.read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
        } catch {
          failure = error
        }
      }
      if let failure { throw FileSystemError(StoreError(failure)) }
      return bytes
    }
  }

  func write(
    _ bytes: UnsafeRawBufferPointer, to writer: Writer, at offset: Int,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Int {
    try change(writer, isInterrupted) { (file) throws(PosixError) in try file.write(bytes, at: offset) }
    return bytes.count
  }

  /// Changes the bytes of a file in the making.
  ///
  /// - Parameter limit: how many of its bytes, from the beginning, outlive the change.
  /// - Throws: `EPERM` once they are published; `EINTR` before anything has changed.
  func change(
    _ writer: Writer, keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool,
    _ body: (OpenedFile) throws(PosixError) -> Void
  ) throws(FileSystemError) {
    try inTurn(writer) { () throws(FileSystemError) in
      guard !writer.current.isFrozen else {
        throw FileSystemError(
          .notPermitted, "the file is published as weights, which never change: open its name again to write a new one")
      }
      try materialize(writer, keeping: limit, isInterrupted)
      try unseal(writer, keeping: limit, isInterrupted)
      let file = writer.current.upload.file
      do throws(PosixError) {
        try body(file)
      } catch {
        // A file that lacks a part must not be kept, whatever its writer makes of the error; close says it again.
        let failure = FileSystemError(StoreError(error))
        writer.facts.withLock { facts in
          facts.isDirty = false
          facts.refusal = failure
        }
        throw failure
      }
      writer.facts.withLock { facts in
        facts.isDirty = true
        facts.refusal = nil
      }
    }
  }

  /// Copies what was so far only promised to be a copy. In turn.
  ///
  /// - Parameter limit: how many of its bytes, from the beginning, are needed.
  func materialize(
    _ writer: Writer, keeping limit: Int = .max, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard let clone = writer.current.clone else { return }
    let file = writer.current.upload.file
    do throws(FileSystemError) {
      try copy(clone.source, count: min(clone.count, limit), to: file, isInterrupted)
    } catch {
      // A shared file that is not empty counts as written to.
      do throws(PosixError) { try file.truncate(to: 0) } catch { throw FileSystemError(StoreError(error)) }
      throw error
    }
    writer.facts.withLock { $0.clone = nil }
  }

  /// Gives a file that has been committed bytes of its own again. In turn.
  private func unseal(
    _ writer: Writer, keeping limit: Int, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let facts = writer.current
    guard facts.isSealed else { return }
    let fresh = try registryStep(try records.uploads.begin())
    do throws(FileSystemError) {
      let source = try registryStep(try registry.views.open(facts.upload))
      try copy(source, count: min(source.byteCount, limit), to: fresh.file, isInterrupted)
    } catch {
      try registryStep(try records.uploads.discard(fresh.name))
      throw error
    }
    writer.facts.withLock { facts in
      facts.upload = fresh
      facts.isSealed = false
    }
  }

  /// The last reference is gone: what no close could commit goes.
  func end(_ writer: Writer) {
    // Nobody waits for a release's answer, and what stays behind is swept at the next start.
    do throws(FileSystemError) {
      try registryStep(try writer.noteWrites())
      let facts = writer.current
      if let place = facts.place, facts.isDirty, facts.refusal == nil, !facts.isGivenUp, !place.isWeights {
        try commit(writer, isLast: true) { false }
      }
    } catch {
      logger.warning("\(writer.current.place?.description ?? "an unlinked file"): \(error)")
    }
    do throws(StoreError) {
      let name = writer.current.upload.name
      if !writer.current.isSealed { try records.uploads.discard(name) }
    } catch {
      logger.warning("\(error)")
    }
    writers.remove(writer.number)
  }

  package func allocate(
    _ handle: HandleNumber, offset: Int, count: Int, keepsSize: Bool, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard case .writer(let writer) = handles[handle] else { throw FileSystemError(.badHandle) }
    if keepsSize { return }
    try change(writer, isInterrupted) { (file) throws(PosixError) in try file.allocate(offset: offset, count: count) }
  }

  package func synchronize(
    _ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard case .writer(let writer) = handles[handle] else { return }
    let file = writer.current.upload.file
    do throws(PosixError) {
      try file.synchronize(unless: isInterrupted)
    } catch {
      throw FileSystemError(StoreError(error))
    }
  }
}
