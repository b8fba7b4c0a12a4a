import TantraRuntime
import Tensors
import WeightFormats
import WeightRegistry

/// Validates that the runtime gives the golden output for the golden input, for versions that have a `golden.json`.
struct GoldenChecker: VersionChecker {
  var name: String { "golden" }

  /// Weights are copied into memory; larger ones are left alone.
  private static let byteLimit = 4 << 30

  func check(
    tensors: [TensorDescriptor], file: (String) -> [UInt8]?, weights: () throws -> any ByteSource
  ) -> CheckOutcome {
    guard let golden = file("golden.json") else { return .skipped("there is no golden.json") }
    guard let configuration = file("config.json") else { return .skipped("there is no config.json") }
    do {
      let source = try weights()
      guard source.byteCount <= Self.byteLimit else {
        return .skipped("the weights take more than the \(Self.byteLimit >> 30) GiB that are run here")
      }
      return .passed(try GoldenCheck.check(golden: golden, configuration: configuration, weights: source))
    } catch {
      return .failed(["\(error)"])
    }
  }
}
