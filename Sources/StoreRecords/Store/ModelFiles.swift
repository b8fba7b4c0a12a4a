package import BlobStore
import Logging
import PosixIO

/// The files in models' own folders. They are kept as they are, beside the manifests.
package struct ModelFiles: Sendable {
  private let records: RecordStore

  package init(_ records: RecordStore) { self.records = records }

  private var store: StoreFolder { records.store }

  /// The files in a model's own folder, in order.
  package func files(of model: ModelName) throws(StoreError) -> [ModelFile] {
    guard let folder = try modelFolder(model) else { return [] }
    var files: [ModelFile] = []
    for name in try posix(try folder.names()).sorted() {
      if let file = try Self.modelFile(name, in: folder) { files.append(file) }
    }
    return files
  }

  /// A file in a model's own folder; nil if there is none of that name.
  package func file(_ name: String, of model: ModelName) throws(StoreError) -> ModelFile? {
    guard ModelFile.canBeCalled(name), let folder = try modelFolder(model) else { return nil }
    return try Self.modelFile(name, in: folder)
  }

  /// Opens a file in a model's own folder for reading; nil if there is none of that name.
  package func open(
    _ name: String, of model: ModelName
  ) throws(StoreError) -> (file: ModelFile, bytes: LocalBytes)? {
    guard try file(name, of: model) != nil, let folder = try modelFolder(model) else { return nil }
    let opened = try posix(try folder.file(name))
    let file = ModelFile(name, try posix(try opened.status()))
    return (file, try posix(try LocalBytes(opened, byteCount: file.byteCount)))
  }

  /// Makes an upload a file in a model's own folder, durably; one of that name gives way to it.
  package func keep(
    _ upload: Upload, as name: String, of model: ModelName, modified: Int64, isInterrupted: () -> Bool = { false }
  ) throws(StoreError) {
    try records.requireWriting()
    let staging = try store.stagingForWriting
    do throws(PosixError) {
      try upload.file.setModified(modified)
      try upload.file.synchronize(unless: isInterrupted)
      let folder = try store.models.makeFolder(model.text)
      try staging.rename(upload.name, to: name, in: folder)
      try folder.synchronize()
    } catch {
      throw StoreError(error)
    }
    records.logger.info("file: \(model)/\(name)")
  }

  /// Renames a file in a model's own folder, durably; one that has the new name gives way to it.
  package func move(
    _ name: String, of model: ModelName, to newName: String, of newModel: ModelName
  ) throws(StoreError) {
    try records.requireWriting()
    guard let folder = try modelFolder(model) else { return }
    do throws(PosixError) {
      let target = try store.models.makeFolder(newModel.text)
      try folder.rename(name, to: newName, in: target)
      // The new name is on disk before the old one is off it.
      try target.synchronize()
      try folder.synchronize()
    } catch {
      throw StoreError(error)
    }
  }

  /// Removes a file from a model's own folder, durably; who has it open keeps it.
  package func remove(_ name: String, of model: ModelName) throws(StoreError) {
    try records.requireWriting()
    guard let folder = try modelFolder(model) else { return }
    try posix(try folder.removeFile(name))
    try posix(try folder.synchronize())
  }

  /// Gives a file in a model's own folder another mtime.
  package func setModified(
    _ name: String, of model: ModelName, to time: Int64
  ) throws(StoreError) {
    try records.requireWriting()
    guard let folder = try modelFolder(model) else { return }
    let file = try posix(try folder.file(name))
    try posix(try file.setModified(time))
    try posix(try file.synchronize())
  }

  /// The folder of a model's manifests, which holds its own files too; nil if the store has none.
  private func modelFolder(_ model: ModelName) throws(StoreError) -> Folder? {
    try ifThere(try store.models.folder(model.text))
  }

  private static func modelFile(_ name: String, in folder: Folder) throws(StoreError) -> ModelFile? {
    guard ModelFile.canBeCalled(name), let status = try posix(try folder.status(of: name)), status.kind == .regular
    else { return nil }
    return ModelFile(name, status)
  }
}
