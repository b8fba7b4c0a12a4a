import Foundation

/// The Python that has torch, safetensors and transformers: the oracles of the tests.
package enum Python {
  /// The package's root folder.
  package static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// `TANTRA_TEST_PYTHON`, or the virtual environment that `.ci/setup` makes.
  package static let interpreter =
    ProcessInfo.processInfo.environment["TANTRA_TEST_PYTHON"] ?? packageRoot + "/.build/venv/bin/python"

  /// The folder of the interpreter, for the PATH of programs that run `python`.
  package static let folder = URL(fileURLWithPath: interpreter).deletingLastPathComponent().path

  /// Where the oracles are.
  package static let oraclesFolder = packageRoot + "/Tests/Oracles"

  /// Runs `code`, as `python -c` does.
  package static func run(_ code: String, _ arguments: [String] = []) throws -> Command {
    try run(script: nil, code: code, arguments)
  }

  /// Runs the program at the path `script`.
  package static func run(script: String, _ arguments: [String] = []) throws -> Command {
    try run(script: script, code: nil, arguments)
  }

  private static func run(script: String?, code: String?, _ arguments: [String]) throws -> Command {
    let scratch = try TemporaryFolder()
    let request = PythonServer.Request(
      script: script, code: code, arguments: arguments, output: scratch("out"), errors: scratch("err"))
    let status = try PythonServer.shared.get().run(request)
    return try Command(status: status, output: request.output, errors: request.errors)
  }

  /// Runs `Tests/Oracles/<script>` and returns what it printed; fails with its error text if it ends with non-zero.
  ///
  /// - Parameter isMeasured: whether the program measures its own memory, and so must not begin with torch loaded.
  @discardableResult
  package static func oracle(_ script: String, _ arguments: [String] = [], isMeasured: Bool = false) throws -> String {
    let path = oraclesFolder + "/" + script
    let command =
      isMeasured
      ? try Command.run(interpreter, [path] + arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"])
      : try run(script: path, arguments)
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
