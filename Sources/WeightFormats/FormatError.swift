/// Why bytes are not acceptable weights, or why a state dict cannot be written in a format.
package struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of problem it is; decides the errno a mount answers.
  package enum Code: String, Sendable {
    /// No format of the catalogue begins like this.
    case unrecognized
    /// The file ends before what it announces.
    case truncated
    /// The bytes break the format's rules.
    case malformed
    /// A pickle uses an opcode, a global or a persistent id that is not on the allow-list.
    case forbidden
    /// Valid, but of a kind that is not weights (TorchScript, numpy, a whole module) or that a format cannot hold.
    case unsupported
    /// A count, depth or size exceeds what this software accepts.
    case limit
    /// The operating system could not read the bytes.
    case unreadable
  }

  package var code: Code
  /// What was expected, what was found, and where: one sentence without a final stop.
  package var message: String

  /// Bytes of a message that are kept: names in it come from files, and it goes into logs.
  private static let messageLimit = 1500

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message =
      message.utf8.count <= Self.messageLimit ? message : String(message.prefix(Self.messageLimit / 4)) + "..."
  }

  package var description: String { message }
}
