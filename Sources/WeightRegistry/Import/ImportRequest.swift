import PosixIO
package import StoreRecords
import SystemPackage
import WeightFormats

/// A weight file to be published, and what it becomes.
package struct ImportRequest: Sendable {
  /// Another file of the same version. What its name says that it may be, and it is, it becomes: a component.
  package struct OtherFile: Sendable {
    /// Where it lies now.
    package var source: String
    /// Its path in the version: `config.json`.
    package var path: String
    package init(source: String, path: String) {
      self.source = source
      self.path = path
    }
  }

  package var model: ModelName
  package var version: VersionName
  /// Path of the weight file.
  package var source: String
  /// The extension under which its bytes appear, from the file's name; nil for a file that keeps its name.
  package var view: String?
  /// Its path in the version: `model.pt`, `unet/diffusion_pytorch_model.safetensors`.
  package var path: String
  package var files: [OtherFile]
  /// What is published instead of the weight file; nil for the file itself.
  package var alone: StateDictAlone?
  package var activating: Bool
  package var isCheckpoint: Bool

  package init(
    model: ModelName, version: VersionName, source: String, view: String, files: [OtherFile] = [],
    activating: Bool = false, isCheckpoint: Bool = false
  ) {
    self.init(
      model: model, version: version, source: source, path: "model.\(view)", files: files, activating: activating,
      isCheckpoint: isCheckpoint)
  }

  package init(
    model: ModelName, version: VersionName, source: String, path: String, files: [OtherFile] = [],
    activating: Bool = false, isCheckpoint: Bool = false
  ) {
    self.model = model
    self.version = version
    self.source = source
    self.path = path
    view = FilePurpose.view(named: path)?.name
    self.files = files
    self.activating = activating
    self.isCheckpoint = isCheckpoint
  }

  /// What names the weight file in errors and in records.
  var fileName: String { FilePath(source).lastComponent?.string ?? source }

  /// The view that a file with the extension `fileExtension` is written as; nil for what is not a weight file's.
  package static func view(forExtension fileExtension: String) -> String? {
    switch fileExtension {
    case "pth", "ckpt": "pt"
    case "safetensors", "pt", "bin": fileExtension
    default: nil
    }
  }

  /// Refuses other files whose paths no version can have.
  func requirePaths() throws(StoreError) {
    for file in files {
      guard let why = FilePurpose.problem(ofPath: file.path) else { continue }
      throw StoreError(.unacceptable(.unsupported), "\(file.source) \(why)")
    }
  }

  /// Refuses what ``Import`` would refuse by paths, and by the weight file's beginning, headers and pickles alone.
  /// Nothing is written.
  package func requireReadable() throws(StoreError) {
    try requirePaths()
    guard alone == nil else { return }
    _ = try ArrivingShards(of: self)
    let file = try posix(try OpenedFile.open(source))
    if view == nil, try OpaqueFormat.format(of: file, named: path) != nil { return }
    _ = try StagedWeights.parse(file, fileName, as: FilePurpose.view(named: path)?.name)
  }
}
