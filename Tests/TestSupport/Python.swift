import Foundation

/// The Python that has torch, safetensors and transformers: the oracles of the tests.
package enum Python {
  /// The package's root folder.
  package static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// `TANTRA_TEST_PYTHON`, or the virtual environment that `.ci/setup` makes.
  package static let interpreter =
    ProcessInfo.processInfo.environment["TANTRA_TEST_PYTHON"] ?? packageRoot + "/.build/venv/bin/python"

  /// Runs `Tests/Oracles/<script>` and returns what it printed; fails with its error text if it ends with non-zero.
  @discardableResult
  package static func oracle(_ script: String, _ arguments: [String] = []) throws -> String {
    let command = try Command.run(
      interpreter, [packageRoot + "/Tests/Oracles/" + script] + arguments,
      environment: ["PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"])
    guard command.status == 0 else {
      throw OracleFailure(description: "\(script) \(arguments) ended with \(command.status): \(command.errorText)")
    }
    return command.outputText
  }
}

/// A Python oracle that ended with an error.
package struct OracleFailure: Error, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}
