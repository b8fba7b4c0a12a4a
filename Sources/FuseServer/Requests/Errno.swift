import Glibc
import WeightsFS

/// The one place where failures become the errno that a program sees.
enum Errno {
  /// The kernel takes 1 to 511 only, and would leave the caller waiting on anything else; 0 is success.
  static func answerable(_ code: CInt) -> CInt { (0..<512).contains(code) ? code : EIO }

  /// The errno of an operation's failure, which is never success.
  static func code(of error: FileSystemError) -> CInt { error.errno == 0 ? EIO : answerable(error.errno) }
}
