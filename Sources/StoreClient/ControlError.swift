import Glibc
package import StoreRecords
import WeightFormats

/// A ``StoreError`` on its way between processes.
package struct ControlError: Sendable, Hashable, Codable {
  /// `unknownVersion`.
  package var code: String
  /// What is unacceptable about a file, where that is the code.
  package var format: String?
  /// The operating system's number, where that is the code.
  package var errno: Int32?
  package var message: String

  /// The codes that say everything themselves, by name.
  private static let codes = Dictionary(
    [
      .unknownModel, .unknownVersion, .unknownView, .invalidName, .alreadyExists, .inUse, .notEmpty, .differentWeights,
      .locked, .readOnly, .noStore, .newerFormat, .olderFormat, .damaged, .interrupted,
    ].map { (code: StoreError.Code) in ("\(code)", code) }, uniquingKeysWith: { first, _ in first })

  package init(_ error: StoreError) {
    message = error.message
    switch error.code {
    case .unacceptable(let reason): (code, format) = ("unacceptable", reason.rawValue)
    case .system(let number): (code, errno) = ("system", number)
    default: code = "\(error.code)"
    }
  }

  /// The error as it was thrown.
  package var error: StoreError {
    if let known = Self.codes[code] { return StoreError(known, message) }
    if let reason = format.flatMap({ FormatError.Code(rawValue: $0) }) {
      return StoreError(.unacceptable(reason), message)
    }
    return StoreError(.system(errno: errno ?? EPROTO), message)
  }
}
