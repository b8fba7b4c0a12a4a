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
  private static let codes: [String: StoreError.Code] = [
    "unknownModel": .unknownModel, "unknownVersion": .unknownVersion, "unknownView": .unknownView,
    "invalidName": .invalidName, "alreadyExists": .alreadyExists, "inUse": .inUse, "notEmpty": .notEmpty,
    "differentWeights": .differentWeights, "locked": .locked, "readOnly": .readOnly, "noStore": .noStore,
    "newerFormat": .newerFormat, "olderFormat": .olderFormat, "damaged": .damaged, "interrupted": .interrupted,
  ]

  package init(_ error: StoreError) {
    message = error.message
    switch error.code {
    case .unacceptable(let reason): (code, format) = ("unacceptable", reason.rawValue)
    case .system(let number): (code, errno) = ("system", number)
    case .unknownModel: code = "unknownModel"
    case .unknownVersion: code = "unknownVersion"
    case .unknownView: code = "unknownView"
    case .invalidName: code = "invalidName"
    case .alreadyExists: code = "alreadyExists"
    case .inUse: code = "inUse"
    case .notEmpty: code = "notEmpty"
    case .differentWeights: code = "differentWeights"
    case .locked: code = "locked"
    case .readOnly: code = "readOnly"
    case .noStore: code = "noStore"
    case .newerFormat: code = "newerFormat"
    case .olderFormat: code = "olderFormat"
    case .damaged: code = "damaged"
    case .interrupted: code = "interrupted"
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
