import Synchronization

extension Mutex where Value == Void {
  /// Runs `body` while nobody else does who takes the same turns.
  func inTurn<R>(_ body: () throws(FileSystemError) -> R) throws(FileSystemError) -> R {
    // What a mutex hands out must be sendable, which a result need not be: it leaves in one that is.
    let result: Result<R, FileSystemError> = withLock { _ in
      do throws(FileSystemError) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
