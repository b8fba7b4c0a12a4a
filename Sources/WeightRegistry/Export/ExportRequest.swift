package import StoreRecords

/// Which files of a version are to be written, where, and under which names.
package struct ExportRequest: Sendable {
  /// How the files are laid out.
  package enum Arrangement: Sendable {
    /// Weight files under their professional names: `mamba_v1.0_pt.pt`.
    case files
    /// A folder `mamba_v1.0` as the mount shows it: `model.pt`, and the files that travel with the version.
    case folder
  }

  package var model: ModelName
  package var version: VersionName
  /// Names of views, each at most once: `safetensors`, `pt`, `bin`.
  package var views: [String]
  /// The folder to write into; made if it is missing.
  package var target: String
  package var arrangement: Arrangement
  /// Whether files that exist are replaced.
  package var replacing: Bool

  package init(
    model: ModelName, version: VersionName, views: [String], target: String, arrangement: Arrangement = .files,
    replacing: Bool = false
  ) {
    self.model = model
    self.version = version
    self.views = views
    self.target = target
    self.arrangement = arrangement
    self.replacing = replacing
  }
}

/// A file that an export wrote, or left out.
package struct ExportedFile: Sendable, Hashable, Codable {
  /// Where it is, or would be.
  package var path: String
  /// Bytes.
  package var byteCount: Int
  /// The view whose bytes it has; nil for a file that travels with the version.
  package var view: String?
  /// Why it was not written: what unpickling it would do. Nil for a file that was written.
  package var leftOut: String?
}
