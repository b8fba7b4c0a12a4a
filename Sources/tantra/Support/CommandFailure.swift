import FuseServer
import Glibc
import PosixIO
import StoreRecords
import TantraBench
import TantraRuntime

/// Why a command failed, and the exit code that tells scripts.
struct CommandFailure: Error {
  /// Exit codes, after `<sysexits.h>`.
  enum Status: Int32 {
    case failed = 1
    case couldNotCheck = 2
    case usage = 64
    case badData = 65
    case noInput = 66
    case cannotCreate = 73
    case inputOutput = 74
    case inUse = 75
    case notPermitted = 77
    case interrupted = 130
  }

  var status: Status
  var message: String

  init(_ status: Status, _ message: String) {
    self.status = status
    self.message = message
  }

  /// Translates an error of the layers below; nil for what is not one of theirs.
  init?(_ error: any Error) {
    switch error {
    case let error as StoreError: self.init(Self.status(of: error.code), error.message)
    case let error as MountError: self.init(.failed, error.description)
    case let error as UnmountError: self.init(.failed, error.description)
    case let error as RuntimeError: self.init(Self.status(of: error.code), error.description)
    case let error as BenchFailure: self.init(Self.status(of: error.code), error.description)
    case let error as PosixError: self.init(.inputOutput, error.description)
    default: return nil
    }
  }

  private static func status(of code: RuntimeError.Code) -> Status {
    switch code {
    case .noInput: .noInput
    case .badData: .badData
    case .usage: .usage
    case .system: .inputOutput
    }
  }

  private static func status(of code: BenchFailure.Code) -> Status {
    switch code {
    case .failed: .failed
    case .noInput: .noInput
    case .inputOutput: .inputOutput
    case .notPermitted: .notPermitted
    case .interrupted: .interrupted
    case .daemon(let exitStatus): Status(rawValue: exitStatus) ?? .failed
    }
  }

  private static func status(of code: StoreError.Code) -> Status {
    if code.isOfRights { return .notPermitted }
    return switch code {
    case .unknownModel, .unknownVersion, .unknownView, .noStore: .noInput
    case .invalidName: .usage
    case .unacceptable, .newerFormat, .olderFormat, .damaged: .badData
    case .alreadyExists, .differentWeights: .cannotCreate
    case .inUse, .notEmpty: .failed
    case .locked: .inUse
    case .interrupted: .interrupted
    case .system(ENOENT), .system(ENOTDIR): .noInput
    case .readOnly, .system(EKEYREJECTED): .notPermitted
    case .system: .inputOutput
    }
  }
}
