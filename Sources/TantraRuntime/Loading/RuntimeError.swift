/// Why a model cannot be loaded or run.
package struct RuntimeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of problem it is; decides the exit code.
  package enum Code: Sendable, Hashable {
    /// There is no such model, version or file.
    case noInput
    /// The weights, the configuration or the tokenizer are not acceptable.
    case badData
    /// An option is out of range, or a prompt cannot be used.
    case usage
    /// The system refused memory, threads or bytes.
    case system
  }

  package var code: Code
  /// What was expected, what was found, and where.
  package var description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
