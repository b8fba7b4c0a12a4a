import TantraRuntime
import Tensors
import WeightFormats
import WeightRegistry

/// Validates shapes against `config.json`, for the models that the runtime knows.
struct ShapeChecker: VersionChecker {
  var name: String { "shapes" }

  func check(
    tensors: [TensorDescriptor], file: (String) -> [UInt8]?, weights: () throws -> any ByteSource
  ) -> CheckOutcome {
    guard let configuration = file("config.json") else { return .skipped("there is no config.json") }
    return switch ShapeCheck.check(configuration: configuration, tensors: tensors) {
    case .checked(problems: []): .passed("as config.json says")
    case .checked(let problems): .failed(problems)
    case .notChecked(let reason): .skipped(reason)
    }
  }
}
