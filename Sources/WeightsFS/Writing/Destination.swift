import StoreRecords
import WeightRegistry

/// Where a close puts what was written.
enum Destination: Hashable, Sendable, CustomStringConvertible {
  /// In the folder of a version.
  case version(FilePlace)

  var description: String {
    switch self {
    case .version(let place): place.description
    }
  }

  /// Whether closing it publishes weights or is refused.
  var isWeights: Bool { place?.isWeights ?? false }

  /// The place in the folder of a version.
  var place: FilePlace? {
    switch self {
    case .version(let place): place
    }
  }
}
