import Glibc
import SystemPackage

/// Runs a C call that answers -1 and sets errno, again after EINTR, and turns its failure into a ``PosixError``.
@discardableResult
package func systemCall<R: BinaryInteger>(
  _ call: String, _ path: @autoclosure () -> String, _ body: () -> R
) throws(PosixError) -> R {
  while true {
    let result = body()
    if result != -1 { return result }
    let code = errno
    if code != EINTR { throw PosixError(Errno(rawValue: code), call: call, path: path()) }
  }
}
