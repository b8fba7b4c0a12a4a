/// A weight file to be published, and what it becomes.
package struct ImportRequest: Sendable {
  /// A file of the same version that is not weights.
  package struct SidecarFile: Sendable {
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
  /// The extension under which its bytes appear, from the file's name.
  package var view: String
  package var sidecars: [SidecarFile]
  package var activating: Bool
  package var isCheckpoint: Bool

  package init(
    model: ModelName, version: VersionName, source: String, view: String, sidecars: [SidecarFile] = [],
    activating: Bool = false, isCheckpoint: Bool = false
  ) {
    self.model = model
    self.version = version
    self.source = source
    self.view = view
    self.sidecars = sidecars
    self.activating = activating
    self.isCheckpoint = isCheckpoint
  }

  /// The view that a file with the extension `fileExtension` is written as; nil for what is not a weight file's.
  package static func view(forExtension fileExtension: String) -> String? {
    switch fileExtension {
    case "pth", "ckpt": "pt"
    case "safetensors", "pt", "bin": fileExtension
    default: nil
    }
  }
}

/// How far a long operation has come; answers whether to go on. Called from several threads.
package typealias ProgressHandler = @Sendable (_ phase: ProgressPhase, _ done: Int, _ total: Int) -> Bool

/// What a long operation is doing, for a progress bar.
package enum ProgressPhase: String, Sendable {
  case importing, copying, checking, exporting, comparing, indexing
  /// Of a purge: manifests are read, folders of blobs swept, and bytes of packs compacted.
  case reading, sweeping, compacting

  /// Whether it counts bytes, rather than things.
  package var countsBytes: Bool {
    switch self {
    case .importing, .copying, .checking, .exporting, .comparing, .compacting: true
    case .indexing, .reading, .sweeping: false
    }
  }
}
