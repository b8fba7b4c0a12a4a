/// An operation's failure: the errno that the caller gets, and the reason that goes to the log.
package struct FileSystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// As in `<errno.h>`.
  package var errno: CInt
  /// A sentence that a person understands; empty where the errno says everything (a missing name).
  package var reason: String

  package init(_ errno: CInt, _ reason: String = "") {
    self.errno = errno
    self.reason = reason
  }

  package var description: String { reason.isEmpty ? "errno \(errno)" : reason }
}
