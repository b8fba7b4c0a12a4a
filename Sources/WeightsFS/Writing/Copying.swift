import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

/// Gives a place in a version's folder the bytes that another file has; at metadata cost where its purpose allows.
struct Copying {
  let tree: MountedTree
  let place: FilePlace
  let isInterrupted: @Sendable () -> Bool

  private var publishing: Publishing { Publishing(tree: tree, place: place, isInterrupted: isInterrupted) }
  private var interruption: Interruption { Interruption(isInterrupted) }

  /// - Parameter isMove: whether the file itself goes afterwards: then an upload need not be copied.
  func install(
    _ content: VersionFolder.Content, of source: VersionFolder, isMove: Bool
  ) throws(FileSystemError) {
    do throws(FileSystemError) {
      let before = try tree.versionFolder(of: place.model, place.version).content(at: place.path)
      if try !installStored(content, of: source, isMove: isMove) { return try installCopy(of: content, of: source) }
      try publishing.completeShards { () throws(FileSystemError) in try publishing.putBack(before) }
    } catch {
      throw tree.refuse(error, at: place)
    }
  }

  /// - Returns: false if that takes a copy.
  private func installStored(
    _ content: VersionFolder.Content, of source: VersionFolder, isMove: Bool
  ) throws(FileSystemError) -> Bool {
    switch (content, place.purpose) {
    case (.view(let view), .view(let newView)):
      guard let manifest = source.manifest else { throw FileSystemError(.missing) }
      return try publishing.clone(view, of: manifest, as: newView, modified: manifest.modified(ofView: view))
    case (.view(let view), .fallback), (.view(let view), .component):
      guard let original = source.manifest?.original(servedAs: view) else { return false }
      try publishing.publish(copyOf: original)
    case (.part(let part), .fallback), (.part(let part), .component): try publishing.publish(copyOf: part)
    case (.part(let part), .shard): return try link(FolderFile(part), modified: part.modified)
    case (.file(let file), _): return try installStored(file, of: source, isMove: isMove)
    default: return false
    }
    return true
  }

  private func installStored(
    _ file: FolderFile, of source: VersionFolder, isMove: Bool
  ) throws(FileSystemError) -> Bool {
    // In a model's own folder every file is an ordinary one, and none was looked at.
    let isOfModel = source.version == .own
    switch file.content {
    case .blob(let blob, _) where place.mayBeWeights && (isOfModel || !isJudged(file)):
      let upload = try tree.step(try tree.records.uploads.copy(of: blob))
      try tree.filling(upload) { () throws(FileSystemError) in
        try publishing.install(upload, modified: file.modified, file.properties)
      }
    case .upload(let name) where isMove && place.mayBeWeights:
      let upload = try tree.step(try tree.records.uploads.open(name))
      // The record of an ordinary file was made when it was.
      let isOrdinary = isOfModel || FilePurpose(file.path).isOrdinary
      let modified = isOrdinary ? try tree.step(try posix(try upload.file.status().modified)) : file.modified
      try publishing.install(upload, modified: modified, file.properties)
    case .upload where isMove && place.purpose == .shard:
      let kept = file.moved(to: place.path)
      try tree.change(place, interruption) { _ in [.put(kept)] }
    case .weights(let weights) where place.purpose == .fallback || place.purpose == .component:
      try publishing.publish(copyOf: weights)
    default: return try link(file, modified: file.modified)
    }
    return true
  }

  /// Whether a file has been looked at when it came, and is no weights.
  private func isJudged(_ file: FolderFile) -> Bool {
    FilePurpose(file.path) == .component && place.purpose == .component
  }

  /// Gives the place, not one that is imported, what is stored already; false if that takes a copy.
  func link(_ file: FolderFile, modified: Int64) throws(FileSystemError) -> Bool {
    switch (file.content, place.purpose) {
    case (.link, _):
      try place.requireLinkable()
      try publishing.requireReplaceable()
    case (.blob, .component):
      guard isJudged(file) else { return false }
      try publishing.requireReplaceable()
    case (.blob, .ordinary), (.blob, .temporary), (.blob, .shard), (.weights, .shard): break
    default: return false
    }
    var copy = file.moved(to: place.path, modified: modified)
    copy.properties.changed = Timestamp.now()
    try tree.step(try tree.registry.folders.put(copy, in: place.model, place.version, unless: interruption))
    return true
  }

  private func installCopy(
    of content: VersionFolder.Content, of source: VersionFolder
  ) throws(FileSystemError) {
    let view = try tree.step(try tree.registry.views.open(content, of: source))
    if place.purpose.isOrdinary {
      return try installOrdinary(view, modified: content.modified(in: source), content.properties ?? .usual)
    }
    let writer = try tree.beginWriter(at: place, sharing: false, hasTruncated: true)
    writer.facts.withLock { $0.properties = content.properties ?? .usual }
    defer { writer.end() }
    do throws(FileSystemError) {
      try view.copy(to: writer.current.upload.file, isInterrupted)
      writer.facts.withLock { $0.modified = content.modified(in: source) }
      try Commit(writer: writer, isInterrupted).run(isLast: false)
    } catch {
      // Nobody goes on with half a copy.
      writer.facts.withLock { $0.destination = nil }
      throw error
    }
  }

  /// Makes an ordinary file, which takes the place of the one that is there.
  private func installOrdinary(
    _ view: VersionView, modified: Int64, _ properties: FileProperties
  ) throws(FileSystemError) {
    let upload = try tree.step(try tree.records.uploads.begin())
    try tree.filling(upload) { () throws(FileSystemError) in
      try view.copy(to: upload.file, isInterrupted)
      try tree.step(
        try tree.registry.folders.keep(
          upload, at: place.path, of: place.model, place.version, modified: modified, properties: properties,
          unless: interruption))
    }
  }
}
