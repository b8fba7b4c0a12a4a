import WeightRegistry

/// What a program has open. Each kind of open file has a type of its own.
protocol OpenHandle: Sendable {
  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch]

  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError)

  /// One close(2) of a file that was opened for writing.
  func flush(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError)

  /// The last reference is gone.
  func release()
}

extension OpenHandle {
  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    throw FileSystemError(.badHandle)
  }

  func flush(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {}

  func release() {}
}

/// Content that was made when the file was opened.
struct SnapshotHandle: OpenHandle {
  let bytes: [UInt8]

  func read(offset: Int, count: Int) -> [Stretch] { [.bytes(bytes.slice(offset: offset, count: count))] }
}

/// A listing that was made when the folder was opened.
struct ListingHandle: OpenHandle {
  let entries: [DirectoryEntry]

  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch] { throw FileSystemError(.isDirectory) }
}
