import PosixIO
import StoreRecords
import Synchronization
import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  /// What a close does: publishes or keeps what was written.
  ///
  /// - Parameter isLast: whether nobody has the file open any more: then being empty is what its writer meant.
  func commit(
    _ writer: Writer, isLast: Bool, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try inTurn(writer) { () throws(FileSystemError) in
      try commitInTurn(writer, isLast: isLast, isInterrupted: isInterrupted)
    }
  }

  func commitInTurn(
    _ writer: Writer, isLast: Bool, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try registryStep(try writer.noteWrites())
    let facts = writer.current
    guard let destination = facts.place else { return }
    guard facts.isDirty else {
      if let refusal = facts.refusal { throw refusal }
      return
    }
    do throws(FileSystemError) {
      // Shells close a copy of the descriptor before anything is written.
      if try registryStep(try writer.byteCount()) == 0 {
        if destination.isWeights {
          if isLast || OpenDescriptors.contain(pathsEndingIn: "/\(destination)") { return }
          throw FileSystemError(
            .invalid, "\(destination) is not finished: nothing was written to it, and it is not published")
        }
        if try node(at: destination) != nil, !(isLast && facts.hasTruncated) { return }
      }
      if facts.upload.isShared, facts.clone != nil, try registryStep(try writer.uploadByteCount()) > 0 {
        throw FileSystemError(
          .invalid, "\(destination) was written to after a part of it was copied by the kernel; copy it as a whole")
      }
      switch destination {
      case .version(let place): try commit(writer, at: place, isInterrupted)
      case .model(let model, let name): try keepModelFile(writer, name, of: model, isInterrupted)
      }
      try registryStep(try writer.settle())
    } catch {
      let error = refuse(error, at: destination)
      // What was interrupted is tried again by the next close.
      if error.errno == FileSystemError.Condition.interrupted.errno {
        writer.facts.withLock { $0.isGivenUp = true }
      } else {
        try registryStep(try writer.settle(refusal: error))
      }
      throw error
    }
  }

  /// Commits a file in the folder of a version. In turn.
  private func commit(
    _ writer: Writer, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    switch place.purpose {
    case .view(let view):
      do throws(FileSystemError) {
        try publish(writer, as: view, at: place, isInterrupted)
      } catch {
        // What the version has under the name is shown again.
        if hasVersion(place.model, place.version) {
          try change(place) { $0.hides(place.path) ? [.show(place.path)] : [] }
        }
        throw error
      }
    case .part: try publishPart(writer, at: place, isInterrupted)
    case .shard, .temporary, .ordinary:
      let before = try versionFolder(of: place.model, place.version).content(at: place.path)
      try keep(writer, at: place, isInterrupted)
      try completeShards(with: place, before: before, isInterrupted)
    }
  }

  /// Whether the file is still to appear at a place: its name, or its folder, may go while it is stored.
  private func condition(_ writer: Writer, at place: FilePlace) -> PublicationCondition {
    .folderIsThere { writer.current.place == .version(place) }
  }

  private func publish(
    _ writer: Writer, as view: String, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let modified = writer.current.modified
    if let clone = writer.current.clone {
      if clone.isWhole, case .view(let model, let version, let source, _) = clone.node,
        let manifest = try registryStep(try records.folder(of: model, version))?.manifest
      {
        if try registryStep(
          try registry.importing.clone(
            source, of: manifest, as: view, of: place.model, place.version, modified: modified,
            if: condition(writer, at: place), unless: Interruption(isInterrupted)))
        {
          writer.facts.withLock { $0.isFrozen = true }
          return
        }
      }
      try materialize(writer, isInterrupted)
    }
    try publishing(writer) { upload throws(FileSystemError) in
      try publish(
        upload, at: place, modified: try registryStep(try writer.modified()), if: condition(writer, at: place),
        isInterrupted)
    }
  }

  private func publishPart(
    _ writer: Writer, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    if let clone = writer.current.clone, var part = try content(of: clone)?.weights {
      if let modified = writer.current.modified { part.modified = modified }
      try publishPart(.copy(part), at: place, if: condition(writer, at: place), isInterrupted)
      writer.facts.withLock { $0.isFrozen = true }
      return
    }
    try materialize(writer, isInterrupted)
    try publishing(writer) { upload throws(FileSystemError) in
      try publishPart(
        .upload(upload, modified: try registryStep(try writer.modified())), at: place, if: condition(writer, at: place),
        isInterrupted)
    }
  }

  /// Hands the file over while nobody can write to it.
  private func publishing(
    _ writer: Writer, _ body: (Upload) throws(FileSystemError) -> Void
  ) throws(FileSystemError) {
    writer.facts.withLock { $0.isFrozen = true }
    do throws(FileSystemError) {
      try body(writer.current.upload)
    } catch {
      writer.facts.withLock { $0.isFrozen = false }
      throw error
    }
    writer.facts.withLock { $0.isSealed = true }
  }

  /// Imports a weight file that keeps its name.
  func publishPart(
    _ source: Shard.Source, at place: FilePlace, if condition: PublicationCondition = .folderIsThere(),
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try registryStep(
      try registry.importing.publish(
        shards: [Shard(place.path, source)], among: [place.path], of: place.model, place.version, if: condition
      ) { _, _, _ in
        !isInterrupted()
      })
  }

  /// Imports an upload as a view.
  func publish(
    _ upload: Upload, at place: FilePlace, modified: Int64, if condition: PublicationCondition,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try requireWritten(upload, at: place)
    try registryStep(
      try registry.importing.publish(
        upload, at: place.path, of: place.model, place.version, modified: modified, if: condition
      ) { _, _, _ in
        !isInterrupted()
      })
  }

  /// A preallocated safetensors file can look whole while its end was never written; a zip archive ends with its directory.
  private func requireWritten(_ upload: Upload, at place: FilePlace) throws(FileSystemError) {
    let file = upload.file
    do throws(PosixError) {
      guard try file.hasHole() else { return }
      var head: [UInt8] = [0, 0]
      var failure: PosixError?
      head.withUnsafeMutableBytes { bytes in
        do throws(PosixError) { _ = try file.read(at: 0, into: bytes) } catch { failure = error }
      }
      if let failure { throw failure }
      if head == [0x50, 0x4B] { return }
    } catch {
      throw FileSystemError(StoreError(error))
    }
    throw FileSystemError(
      .invalid, "\(place) is not finished: a part of it was never written; close it when all is there")
  }

  /// Makes the file an ordinary file, or keeps it for its final name.
  private func keep(
    _ writer: Writer, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    if !hasVersion(place.model, place.version) { throw FileSystemError(.missing) }
    let modified = writer.current.modified
    if let clone = writer.current.clone {
      if let source = try content(of: clone),
        try link(source, at: place, modified: modified ?? Timestamp.now(), Interruption(isInterrupted))
      {
        return
      }
      try materialize(writer, isInterrupted)
    }
    let upload = writer.current.upload
    let time = try registryStep(try writer.modified())
    if place.purpose.isKept {
      try keep(upload, of: writer, at: place, modified: time, isInterrupted)
      // Its name is in a record now, and whoever has it open may go on writing to it.
      if upload.isShared { return }
    } else {
      try registryStep(
        try registry.folders.keep(
          upload, at: place.path, of: place.model, place.version, modified: time, unless: Interruption(isInterrupted),
          isWanted: { writer.current.place == .version(place) }))
    }
    writer.facts.withLock { $0.isSealed = true }
  }

  /// What a copy is of, if it is whole and its source is still what it was.
  func content(of clone: Writer.Clone) throws(FileSystemError) -> FolderFile? {
    guard clone.isWhole, case .sidecar(let model, let version, let path, let edition) = clone.node,
      hasVersion(model, version)
    else { return nil }
    switch try versionFolder(of: model, version).content(at: path) {
    case .part(let part) where Edition(part.blob) == edition: return FolderFile(part)
    case .file(let file) where (file.blob ?? file.weights?.blob).map({ Edition($0) }) == edition: return file
    default: return nil
    }
  }

  /// Keeps an upload in its folder, durably.
  private func keep(
    _ upload: Upload, of writer: Writer, at place: FilePlace, modified: Int64,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let size: Int
    let file = upload.file
    do throws(PosixError) {
      size = try file.status().size
      try file.synchronize(unless: isInterrupted)
    } catch {
      throw FileSystemError(StoreError(error))
    }
    let kept = FolderFile(path: place.path, content: .upload(upload.name), byteCount: size, modified: modified)
    try change(place, Interruption(isInterrupted)) { _ in
      writer.current.place == .version(place) ? [.put(kept)] : []
    }
  }
}
