import SystemPackage

/// Whether somebody wants a long operation to end early. Asked from several threads.
package struct Interruption: Sendable {
  private let request: @Sendable () -> Bool

  /// - Parameter isRequested: cheap, and safe from several threads.
  package init(_ isRequested: @escaping @Sendable () -> Bool) { request = isRequested }

  /// Never asked for.
  package static let never = Interruption { false }

  package var isRequested: Bool { request() }

  /// - Throws: `EINTR` if the operation is to end.
  package func check(_ call: String = "wait", _ path: String = "") throws(PosixError) {
    if request() { throw PosixError(.interrupted, call: call, path: path) }
  }
}
