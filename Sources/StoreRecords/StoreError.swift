import Glibc
package import WeightFormats

/// Why the store refused a request or could not fulfil it. Nothing has changed when it is thrown.
package struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    case unknownModel, unknownVersion, unknownView
    case invalidName
    /// The version exists already.
    case alreadyExists
    /// The version is active, or an alias points to it.
    case inUse
    /// A folder still holds something.
    case notEmpty
    /// A published state dict never changes.
    case differentWeights
    /// Another process writes this store.
    case locked
    /// The store was opened for reading.
    case readOnly
    /// There is no store at the path.
    case noStore
    /// The store was written by a newer Tantra.
    case newerFormat
    /// The store has to be upgraded first.
    case olderFormat
    /// Something in the store is missing or not what its digest says.
    case damaged
    /// The bytes are not acceptable weights.
    case unacceptable(FormatError.Code)
    /// The operating system refused.
    case system(errno: CInt)
    /// Somebody asked to stop.
    case interrupted

    /// Whether it is for lack of rights: this user, or this mount of a disk, may not write.
    package var isOfRights: Bool {
      switch self {
      case .readOnly, .system(EACCES), .system(EPERM), .system(EROFS): true
      default: false
      }
    }
  }

  package var code: Code
  /// What was expected, what was found, and what to do: a sentence or two.
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
