import WeightFormats
import WeightRegistry

/// A file's path in a version's folder, whether or not there is such a file.
struct FilePlace: Hashable, Sendable, CustomStringConvertible {
  var model: ModelName
  var version: VersionName
  /// `config.json`, `vocab/merges.txt`.
  var path: String

  var description: String { "\(model)/\(version)/\(path)" }

  /// What becomes of a file that is closed under a name.
  enum Purpose: Sendable, Hashable {
    /// It is imported as this view.
    case weights(view: String)
    /// It is imported, and keeps its name beside the views.
    case part
    /// It travels with the version.
    case sidecar
    /// It is kept as it is until it gets its final name.
    case temporary
  }

  /// Whether it has the name of a shard: `model-00001-of-00002.safetensors`. Such files are kept until their set is complete.
  var isShard: Bool {
    guard path.hasSuffix(".safetensors") || path.hasSuffix(".bin"), !path.contains("/") else { return false }
    let parts = path.prefix { $0 != "." }.split(separator: "-")
    return parts.count >= 4 && parts[parts.count - 2] == "of"
      && [parts[parts.count - 3], parts[parts.count - 1]].allSatisfy { $0.allSatisfy(\.isNumber) }
  }

  /// Whether closing it publishes it.
  var isWeights: Bool {
    switch purpose {
    case .weights, .part: true
    case .sidecar, .temporary: false
    }
  }

  var purpose: Purpose {
    if let view = WeightFormatCatalogue.views.first(where: { $0.fileName == path }) { return .weights(view: view.name) }
    if path == "pytorch_model.bin" { return .part }
    if isShard { return .temporary }
    return path.hasPrefix(".") || path.contains("/.") ? .temporary : .sidecar
  }
}
