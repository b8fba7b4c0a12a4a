/// Tells whether the user wants to stop. Whatever takes long asks now and then.
package struct StopCheck: Sendable {
  let isRequested: @Sendable () -> Bool

  package init(isRequested: @escaping @Sendable () -> Bool) { self.isRequested = isRequested }

  /// Throws ``BenchFailure/Code/interrupted`` if the user wants to stop.
  func callAsFunction() throws(BenchFailure) {
    if isRequested() { throw BenchFailure(.interrupted, "interrupted") }
  }
}
