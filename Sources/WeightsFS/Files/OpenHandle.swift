import StoreRecords
import WeightRegistry

/// What a program has open. Each kind of open file has a type of its own.
protocol OpenHandle: Sendable {
  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch]

  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError)

  /// What a copy of the file costs nothing of; nil if there is no such thing.
  var copySource: CopySource? { get }

  /// Copies from another open file; answers how many bytes were taken.
  ///
  /// - Throws: `EXDEV` if the caller has to read and write instead.
  func copyRange(from source: CopySource, offset: Int, count: Int) throws(FileSystemError) -> Int

  /// Grows the file, and reserves space for it.
  func allocate(offset: Int, count: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError)

  /// `fsync`
  func synchronize(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError)

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

  var copySource: CopySource? { nil }

  func copyRange(from source: CopySource, offset: Int, count: Int) throws(FileSystemError) -> Int {
    throw FileSystemError(.crossDevice)
  }

  func allocate(offset: Int, count: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    throw FileSystemError(.badHandle)
  }

  func synchronize(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {}

  func flush(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {}

  func release() {}
}

/// An open file whose bytes a copy may share.
struct CopySource {
  let view: VersionView
  let node: Node
  /// What a folder's record has of it, for an ordinary file.
  var file: FolderFile?
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
