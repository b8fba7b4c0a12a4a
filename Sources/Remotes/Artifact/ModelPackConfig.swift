import StoreRecords
import Tensors

/// The config of a ModelPack: what other tools show of a model.
///
/// https://github.com/modelpack/model-spec: no member may be added.
struct ModelPackConfig: Encodable {
  struct Description: Encodable {
    var name: String
    var version: String
  }

  struct Properties: Encodable {
    /// `safetensors`, `pt`.
    var format: String
    /// `689.8K`.
    var paramSize: String
    /// Names of dtypes, as torch has them.
    var precision: String
  }

  struct FileSystem: Encodable {
    var type = "layers"
    var diffIds: [OCIDigest]
  }

  var descriptor: Description
  var config: Properties
  var modelfs: FileSystem

  /// - Parameters:
  ///   - dtypes: of all tensors.
  ///   - layers: digests of the layers, in order.
  init(of manifest: Manifest, dtypes: Set<String>, layers: [OCIDigest]) {
    descriptor = Description(name: manifest.model.text, version: manifest.version.text)
    let format = manifest.weights.first?.format ?? "safetensors"
    config = Properties(
      format: format.hasPrefix("torch") ? "pt" : format, paramSize: Self.size(of: manifest.counts.parameterCount),
      precision: dtypes.sorted().joined(separator: ","))
    modelfs = FileSystem(diffIds: layers)
  }

  /// A number of parameters, with one digit after the point and the unit K, M, B or T.
  static func size(of count: Int) -> String {
    let units = [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")]
    let (unit, name) = units.first { count >= $0.0 } ?? (1_000, "K")
    let tenths = (Double(count) / Double(unit) * 10).rounded()
    return "\(tenths / 10)\(name)"
  }
}
