package import BlobStore
import PosixIO

/// The README.md files that earlier editions kept beside models' manifests, as they are. Who changes one makes it a file of the
/// model's own folder, like all others.
package struct PlainReadmes: Sendable {
  private let records: RecordStore

  package init(_ records: RecordStore) { self.records = records }

  /// The file of a model; nil if there is none.
  package func file(of model: ModelName) throws(StoreError) -> ModelFile? {
    guard let folder = try modelFolder(model),
      let status = try posix(try folder.status(of: ModelFile.readmeName)), status.kind == .regular
    else { return nil }
    return ModelFile(status)
  }

  /// Opens the file for reading; nil if there is none.
  package func open(_ model: ModelName) throws(StoreError) -> (file: ModelFile, bytes: LocalBytes)? {
    guard let folder = try modelFolder(model), let opened = try ifThere(try folder.file(ModelFile.readmeName)) else {
      return nil
    }
    let file = ModelFile(try posix(try opened.status()))
    return (file, try posix(try LocalBytes(opened, byteCount: file.byteCount)))
  }

  /// Removes the file, durably; who has it open keeps it.
  package func remove(of model: ModelName) throws(StoreError) {
    try records.requireWriting()
    guard let folder = try modelFolder(model) else { return }
    try posix(try folder.removeFile(ModelFile.readmeName))
    try posix(try folder.synchronize())
  }

  /// The folder of a model's manifests; nil if the store has none.
  private func modelFolder(_ model: ModelName) throws(StoreError) -> Folder? {
    try ifThere(try records.store.models.folder(model.text))
  }
}
