import StoreRecords
import WeightRegistry

/// Where a close puts what was written.
enum Destination: Hashable, Sendable, CustomStringConvertible {
  /// In the folder of a version.
  case version(FilePlace)
  /// In a model's own folder, under a name that ``ModelFile`` may have.
  case model(ModelName, name: String)

  var description: String {
    switch self {
    case .version(let place): place.description
    case .model(let model, let name): "\(model)/\(name)"
    }
  }

  /// Whether closing it publishes weights or is refused.
  var isWeights: Bool { place?.isWeights ?? false }

  /// The place in the folder of a version.
  var place: FilePlace? {
    if case .version(let place) = self { place } else { nil }
  }
}
