package import PosixIO
import Synchronization
import SystemPackage

/// Bytes that the store keeps and that can be read at any offset: a blob, or a file that is not one yet.
package protocol StoredBytes: AnyObject, Sendable {
  /// What is read, for messages.
  var name: String { get }

  var byteCount: Int { get }

  /// Fills `buffer` with the bytes of `range`, which has as many.
  ///
  /// - Throws: `damaged` if there are fewer bytes; `system(EINTR)` if `interruption` is requested meanwhile.
  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError)

  /// A local file that has exactly these bytes, if there is one: for splice, passthrough and copies inside the kernel.
  var localFile: OpenedFile? { get }

  /// Whether the bytes of a range can be read now without a wait for anybody else, as a server on a network.
  func isAtHand(_ range: Range<Int>) -> Bool
}

extension StoredBytes {
  package func isAtHand(_ range: Range<Int>) -> Bool { true }

  /// The whole content.
  ///
  /// - Throws: `damaged` if there are more than `limit` bytes.
  package func contents(limit: Int) throws(BlobStoreError) -> [UInt8] {
    guard byteCount <= limit else {
      throw .damaged(name, "it has \(byteCount) bytes, and at most \(limit) were expected")
    }
    return try [UInt8](upTo: byteCount) { (buffer) throws(BlobStoreError) in
      try read(0..<byteCount, into: buffer, unless: .never)
      return byteCount
    }
  }

  /// Writes the bytes of `range` to `target` at `offset`: inside the kernel where it can, else 1 MiB at a time.
  ///
  /// - Parameter progress: told of the bytes written since its last call; answers whether to go on.
  /// - Throws: `system(EINTR)` if it is not to go on.
  package func copy(
    _ range: Range<Int>, to target: OpenedFile, at offset: Int, progress: (_ bytes: Int) -> Bool
  ) throws(BlobStoreError) {
    if let localFile {
      do throws(PosixError) {
        try localFile.copyRange(at: range.lowerBound, count: range.count, to: target, at: offset) {
          (bytes: Int) throws(PosixError) in
          guard progress(bytes) else { throw PosixError(.interrupted, call: "copy", path: name) }
        }
      } catch {
        throw error.errno == .ioError ? .damaged(name, error.description) : .system(error)
      }
      return
    }
    var buffer = [UInt8](repeating: 0, count: min(1 << 20, range.count))
    var position = range.lowerBound
    while position < range.upperBound {
      let part = position..<min(position + buffer.count, range.upperBound)
      let start = offset + part.lowerBound - range.lowerBound
      try buffer.withMutableBytes { (bytes) throws(BlobStoreError) in
        let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[..<part.count])
        try read(part, into: bytes, unless: .never)
        try system(try target.write(UnsafeRawBufferPointer(bytes), at: start))
      }
      position = part.upperBound
      guard progress(part.count) else { throw .system(PosixError(.interrupted, call: "copy", path: name)) }
    }
  }
}

extension StoredBytes {
  /// Bytes that one thread reads at once.
  private static var stripe: Int { 16 << 20 }

  /// All bytes in memory that no file has: for those that have no local file. All cores read.
  package func mapped() throws(BlobStoreError) -> MappedFile {
    try MappedFile(byteCount: byteCount) { (memory) throws(BlobStoreError) in
      let target = UInt(bitPattern: memory.baseAddress)
      let stripes = (byteCount + Self.stripe - 1) / Self.stripe
      let state = Mutex((next: 0, failure: BlobStoreError?.none))
      ParallelWork.run(min(stripes, ParallelWork.processorCount)) {
        while true {
          let stripe = state.withLock { state in
            defer { state.next += 1 }
            return state.failure == nil && state.next < stripes ? state.next : nil
          }
          guard let stripe else { return }
          let range = stripe * Self.stripe..<min((stripe + 1) * Self.stripe, byteCount)
          let part = UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: target + UInt(range.lowerBound)), count: range.count)
          do throws(BlobStoreError) { try read(range, into: part, unless: .never) } catch {
            state.withLock { $0.failure = $0.failure ?? error }
          }
        }
      }
      if let failure = state.withLock({ $0.failure }) { throw failure }
    } failure: {
      .system($0)
    }
  }
}

/// A file in the store's staging folder, or a file elsewhere, read as it is.
package final class LocalBytes: StoredBytes {
  private let file: OpenedFile
  package let name: String
  package let byteCount: Int

  /// - Parameters:
  ///   - byteCount: how many of its bytes count; nil for all that it has now.
  ///   - name: what it is, for messages; nil for its path.
  package init(_ file: OpenedFile, byteCount: Int? = nil, name: String? = nil) throws(PosixError) {
    self.file = file
    self.name = name ?? file.path
    if let byteCount { self.byteCount = byteCount } else { self.byteCount = try file.status().size }
  }

  package var localFile: OpenedFile? { file }

  package func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    try file.read(range, of: name, into: buffer, unless: interruption)
  }
}

extension OpenedFile {
  /// Bytes that are read between two looks at whether to go on.
  private static let stretch = 8 << 20

  fileprivate func read(
    _ range: Range<Int>, of name: String, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    do throws(PosixError) {
      var done = 0
      while done < range.count {
        let count = min(Self.stretch, range.count - done)
        try fill(
          UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]), at: range.lowerBound + done)
        done += count
        if done < range.count { try interruption.check("read", path) }
      }
    } catch {
      throw error.errno == .ioError ? .damaged(name, error.description) : .system(error)
    }
  }
}
