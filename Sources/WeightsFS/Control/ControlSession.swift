import Synchronization

/// An open control file: what its reader sees, and where its writer's report goes.
final class ControlSession: Sendable {
  let file: any ControlFile
  /// nil until somebody reads: who only writes a request does not wait for what the file has to count.
  private let content = Mutex<[UInt8]?>(nil)

  init(file: any ControlFile) { self.file = file }

  func read(offset: Int, count: Int) throws(FileSystemError) -> ArraySlice<UInt8> {
    try content.withLock { content throws(FileSystemError) in
      if let content { return content.slice(offset: offset, count: count) }
      let bytes = try file.contents()
      content = bytes
      return bytes.slice(offset: offset, count: count)
    }
  }

  /// The report of a request that came through this handle replaces what it reads.
  func replace(_ report: [UInt8]) { content.withLock { $0 = report } }
}

extension [UInt8] {
  /// The bytes from `offset`, at most `count`; empty outside.
  func slice(offset: Int, count: Int) -> ArraySlice<UInt8> {
    guard offset >= 0, count > 0, offset < self.count else { return [] }
    return self[offset..<offset + Swift.min(count, self.count - offset)]
  }
}
