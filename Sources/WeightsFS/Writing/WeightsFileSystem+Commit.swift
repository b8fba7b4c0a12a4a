import PosixIO
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
        if destination.isWeights { return }
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
    case .weights(let view): try publish(writer, as: view, at: place, isInterrupted)
    case .part: try publishPart(writer, at: place, isInterrupted)
    case .sidecar, .temporary:
      let before = try files(of: place.model, place.version).content(at: place.path)
      try keep(writer, at: place, isInterrupted)
      try completeShards(with: place, before: before, isInterrupted)
    }
  }

  private func publish(
    _ writer: Writer, as view: String, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let modified = writer.current.modified
    if let clone = writer.current.clone {
      if clone.isWhole, case .view(let model, let version, let source, _) = clone.node,
        registry.contains(model, version)
      {
        let manifest = try manifest(model, version)
        if try showingOnRefusal(
          place,
          { () throws(FileSystemError) in
            try registryStep(
              try registry.clone(source, of: manifest, as: view, of: place.model, place.version, modified: modified))
          })
        {
          writer.facts.withLock { $0.isFrozen = true }
          return
        }
      }
      try materialize(writer, isInterrupted)
    }
    writer.facts.withLock { $0.isFrozen = true }
    do throws(FileSystemError) {
      try publish(
        writer.current.upload, as: view, at: place, modified: try registryStep(try writer.modified()), isInterrupted)
    } catch {
      writer.facts.withLock { $0.isFrozen = false }
      throw error
    }
    writer.facts.withLock { $0.isSealed = true }
  }

  private func publishPart(
    _ writer: Writer, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    if let clone = writer.current.clone, case .part(var part) = try content(of: clone) {
      if let modified = writer.current.modified { part.modified = modified }
      try publishPart(.copy(part), at: place, isInterrupted)
      writer.facts.withLock { $0.isFrozen = true }
      return
    }
    try materialize(writer, isInterrupted)
    let (upload, time) = (writer.current.upload, try registryStep(try writer.modified()))
    writer.facts.withLock { $0.isFrozen = true }
    do throws(FileSystemError) {
      try publishPart(.upload(upload, modified: time), at: place, isInterrupted)
    } catch {
      writer.facts.withLock { $0.isFrozen = false }
      throw error
    }
    writer.facts.withLock { $0.isSealed = true }
  }

  /// Imports a weight file that keeps its name.
  func publishPart(
    _ source: Shard.Source, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try registryStep(
      try registry.publish(
        shards: [Shard(place.path, source)], among: [place.path], of: place.model, place.version
      ) { _, _, _ in
        !isInterrupted()
      })
  }

  /// Imports an upload.
  func publish(
    _ upload: Upload, as view: String, at place: FilePlace, modified: Int64,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try showingOnRefusal(place) { () throws(FileSystemError) in
      try requireWritten(upload, at: place)
      let (model, version, name) = (place.model, place.version, place.path)
      try registryStep(
        try registry.publish(upload, named: name, as: view, of: model, version, modified: modified) { _, _, _ in
          !isInterrupted()
        })
    }
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
      throw FileSystemError(RegistryError(error))
    }
    throw FileSystemError(
      .invalid, "\(place) is not finished: a part of it was never written; close it when all is there")
  }

  /// Runs a step that gives a version weights; if it is refused, what the version has under the name is shown again.
  private func showingOnRefusal<R>(
    _ place: FilePlace, _ body: () throws(FileSystemError) -> R
  ) throws(FileSystemError) -> R {
    do throws(FileSystemError) {
      return try body()
    } catch {
      if registry.contains(place.model, place.version), try manifest(place.model, place.version).hides(place.path) {
        try registryStep(try registry.changeManifest(place.model, place.version) { $0.show(place.path) })
      }
      throw error
    }
  }

  /// Makes the file a sidecar, or keeps it for its final name.
  private func keep(
    _ writer: Writer, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try requireVersion(place)
    let (model, version) = (place.model, place.version)
    let modified = writer.current.modified
    if let clone = writer.current.clone {
      if let source = try content(of: clone),
        try link(source, at: place, modified: modified ?? Timestamp.now())
      {
        return
      }
      try materialize(writer, isInterrupted)
    }
    let upload = writer.current.upload
    let time = try registryStep(try writer.modified())
    if case .temporary = place.purpose {
      try keep(upload, at: place, modified: time, isInterrupted)
      // Its name is in a draft now, and whoever has it open may go on writing to it.
      if upload.isShared { return }
    } else {
      try registryStep(
        try registry.keepSidecar(
          upload, at: place.path, of: model, version, modified: time, isInterrupted: isInterrupted))
    }
    writer.facts.withLock { $0.isSealed = true }
  }

  /// What a copy is of, if it is whole and its source is still what it was.
  func content(of clone: Writer.Clone) throws(FileSystemError) -> VersionFiles.Content? {
    guard clone.isWhole, case .sidecar(let model, let version, let path, let edition) = clone.node,
      hasVersion(model, version)
    else { return nil }
    let content = try files(of: model, version).content(at: path)
    switch content {
    case .blob(let sidecar) where Edition(sidecar.blob) == edition: return content
    case .part(let part) where Edition(part.blob) == edition: return content
    default: return nil
    }
  }

  /// Keeps an upload in a draft, durably.
  private func keep(
    _ upload: Upload, at place: FilePlace, modified: Int64, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let size: Int
    let file = upload.file
    do throws(PosixError) {
      size = try file.status().size
      try file.synchronize(unless: isInterrupted)
    } catch {
      throw FileSystemError(RegistryError(error))
    }
    let kept = Draft.File(path: place.path, content: .upload(upload.name), byteCount: size, modified: modified)
    try registryStep(try registry.changeDraft(place.model, place.version) { $0.put(kept) })
  }

  private func requireVersion(_ place: FilePlace) throws(FileSystemError) {
    if !hasVersion(place.model, place.version) { throw FileSystemError(.missing) }
  }
}
