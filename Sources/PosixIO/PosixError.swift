package import SystemPackage

/// A system call that failed: which, on what, and why.
package struct PosixError: Error, Hashable, Sendable, CustomStringConvertible {
  /// As in `<errno.h>`.
  package var errno: Errno
  /// The C function: `openat`.
  package var call: String
  /// The path it was called on, for people; may be relative to an open folder.
  package var path: String

  package init(_ errno: Errno, call: String, path: String) {
    self.errno = errno
    self.call = call
    self.path = path
  }

  /// The name of a call tells people nothing; what was expected of it does.
  package var description: String { "\(path): \(errno)" + (call.contains(" ") ? " (\(call))" : "") }
}
