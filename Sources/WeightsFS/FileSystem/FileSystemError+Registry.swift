import Glibc
package import StoreRecords
import WeightFormats

extension FileSystemError {
  /// The errno constants that this target answers, by what they mean here.
  package enum Condition {
    case missing, readOnlyFile, badMessage, notDirectory, isDirectory, badHandle, invalid, stale
    case notPermitted, forbidden, exists, busy, notEmpty, crossDevice, interrupted, noAttribute, unsupported

    var errno: CInt {
      switch self {
      case .missing: ENOENT
      case .readOnlyFile: EROFS
      case .badMessage: EBADMSG
      case .notDirectory: ENOTDIR
      case .isDirectory: EISDIR
      case .badHandle: EBADF
      case .invalid: EINVAL
      case .stale: ESTALE
      case .notPermitted: EPERM
      case .forbidden: EACCES
      case .exists: EEXIST
      case .busy: EBUSY
      case .notEmpty: ENOTEMPTY
      case .crossDevice: EXDEV
      case .interrupted: EINTR
      case .noAttribute: ENODATA
      case .unsupported: ENOTSUP
      }
    }
  }

  package init(_ condition: Condition, _ reason: String = "") {
    self.init(condition.errno, reason)
  }

  /// The one place where the store's errors become errno.
  package init(_ error: StoreError) {
    let errno =
      switch error.code {
      case .unknownModel, .unknownVersion, .unknownView: ENOENT
      case .invalidName: EINVAL
      case .alreadyExists: EEXIST
      case .inUse: EBUSY
      case .notEmpty: ENOTEMPTY
      case .differentWeights: EPERM
      case .locked: EBUSY
      case .readOnly: EROFS
      case .noStore: ENOENT
      case .newerFormat, .olderFormat: EPROTONOSUPPORT
      case .damaged: EIO
      case .unacceptable(let code):
        switch code {
        case .forbidden: EACCES
        case .limit: EFBIG
        case .unreadable: EIO
        case .unrecognized, .truncated, .malformed, .unsupported: EINVAL
        }
      case .system(let errno): errno
      case .interrupted: EINTR
      }
    self.init(errno, error.message)
  }
}
