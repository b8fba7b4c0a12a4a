import StoreRecords

/// Why a request was refused or could not be fulfilled. Nothing has changed when it is thrown, unless its message says so.
public struct WeightError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of error it is.
  public enum Code: Sendable, Hashable {
    /// There is no model, or no version, of that name.
    case unknownModel, unknownVersion
    /// A name breaks the rules, or a number makes no sense.
    case invalidName
    /// The version exists already.
    case alreadyExists
    /// The version exists with other weights: a published state dict never changes.
    case differentWeights
    /// The version is active, or an alias points to it.
    case inUse
    /// Another process writes the store, and the change cannot be made through its mount.
    case storeInUse
    /// The store, or its mount, can only be read.
    case notPermitted
    /// There is no store at the path.
    case noStore
    /// The store has a format that this library does not know, or one that has to be upgraded first.
    case storeFormat
    /// Something in the store is missing or not what its digest says.
    case damaged
    /// What was given cannot be weights.
    case unacceptable
    /// The operating system refused.
    case system(errno: Int32)
    /// Somebody asked to stop.
    case interrupted
  }

  /// What kind of error it is.
  public let code: Code
  /// What was expected, what was found, and what to do.
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  init(_ error: StoreError) {
    let code: Code =
      switch error.code {
      case .unknownModel: .unknownModel
      case .unknownVersion, .unknownView: .unknownVersion
      case .invalidName: .invalidName
      case .alreadyExists: .alreadyExists
      case .differentWeights: .differentWeights
      case .inUse, .notEmpty: .inUse
      case .locked: .storeInUse
      case .readOnly: .notPermitted
      case .noStore: .noStore
      case .newerFormat, .olderFormat: .storeFormat
      case .damaged: .damaged
      case .unacceptable: .unacceptable
      case .system(let errno): .system(errno: errno)
      case .interrupted: .interrupted
      }
    self.init(code, error.message)
  }

  /// The message.
  public var description: String { message }
}

/// Runs a step of the registry and turns its error into the public one.
func registry<R>(_ body: @autoclosure () throws(StoreError) -> R) throws(WeightError) -> R {
  do throws(StoreError) { return try body() } catch { throw WeightError(error) }
}
