/// Why a run ended without figures.
package struct BenchFailure: Error, Hashable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// Something did not work as it should.
    case failed
    /// A folder to work in is missing.
    case noInput
    /// There is too little room, or a file could not be read or written.
    case inputOutput
    case notPermitted
    /// The user wanted to stop.
    case interrupted
    /// The daemon did not mount, and ended with this status.
    case daemon(exitStatus: Int32)
  }

  package var code: Code
  package var description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
