package import BlobStore
import Glibc
package import PosixIO
import SystemPackage
package import WeightFormats

/// Why the registry refused a request or could not fulfil it. Nothing has changed when it is thrown.
package struct RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    case unknownModel, unknownVersion, unknownView
    case invalidName
    /// The version exists already.
    case alreadyExists
    /// The version is active, or an alias points to it.
    case inUse
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
  }

  package var code: Code
  /// What was expected, what was found, and what to do: a sentence or two.
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package init(_ error: PosixError) {
    switch error.errno {
    case .interrupted: self.init(.interrupted, "stopped")
    case .noSpace, Errno(rawValue: EDQUOT):
      self.init(
        .system(errno: error.errno.rawValue),
        "the disk is full, or your share of it: \(error); free some space there and try again "
          + "(tantra purge gives back what removed versions hold)")
    default: self.init(.system(errno: error.errno.rawValue), error.description)
    }
  }

  package init(_ error: BlobStoreError) {
    switch error {
    case .missing, .damaged: self.init(.damaged, error.description)
    case .system(let cause): self.init(cause)
    }
  }

  /// - Parameter file: the name of the offending file.
  package init(_ error: FormatError, file: String) {
    self.init(.unacceptable(error.code), "\(file): \(error.message)")
  }

  package var description: String { message }
}
