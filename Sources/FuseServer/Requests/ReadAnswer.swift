import BlobStore
import CFuse
import Glibc
import PosixIO
import SystemPackage
import WeightRegistry
import WeightsFS

/// The answer to a read: stretches of memory and of files, of which libfuse splices the latter.
struct ReadAnswer {
  private enum Segment {
    /// `count` bytes from `offset` of the literal bytes.
    case literal(offset: Int, count: Int)
    case file(descriptor: CInt, offset: Int, count: Int)
  }

  private var segments: [Segment] = []
  private var literals: [UInt8] = []
  private var count = 0

  /// Takes stretches up to `limit` bytes: the kernel refuses an answer longer than it asked for. What is stored in a local file is
  /// spliced; anything else is read here.
  ///
  /// Throws EIO if a stretch has a range that no file has, or cannot be read.
  init(_ stretches: [Stretch], limit: Int, unless interruption: Interruption) throws(FileSystemError) {
    for stretch in stretches where count < limit {
      let room = limit - count
      switch stretch {
      case .bytes(let bytes): append(bytes.prefix(room))
      case .stored(let bytes, let range):
        guard range.lowerBound >= 0 else {
          throw FileSystemError(EIO, "a read was answered with bytes at \(range.lowerBound) of \(bytes.name)")
        }
        let taken = range.lowerBound..<range.lowerBound + min(room, range.count)
        if taken.isEmpty { continue }
        if let file = bytes.localFile {
          segments.append(
            .file(descriptor: file.descriptor.rawValue, offset: taken.lowerBound, count: taken.count))
          count += taken.count
        } else {
          try append(taken, of: bytes, interruption)
        }
      }
    }
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    if bytes.isEmpty { return }
    segments.append(.literal(offset: literals.count, count: bytes.count))
    literals.append(contentsOf: bytes)
    count += bytes.count
  }

  /// Reads a range.
  private mutating func append(
    _ range: Range<Int>, of bytes: any StoredBytes, _ interruption: Interruption
  ) throws(FileSystemError) {
    let read: [UInt8]
    do throws(BlobStoreError) {
      read = try [UInt8](upTo: range.count) { (buffer) throws(BlobStoreError) in
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
        try bytes.read(range, into: target, unless: interruption)
        return range.count
      }
    } catch {
      if case .system(let error) = error { throw FileSystemError(error.errno.rawValue, error.description) }
      throw FileSystemError(EIO, error.description)
    }
    segments.append(.literal(offset: literals.count, count: range.count))
    // Most answers are one stretch, which is not copied.
    if literals.isEmpty { literals = read } else { literals += read }
    count += range.count
  }

  /// Answers `request`.
  func send(to request: consuming Request) {
    let raw = request.take()
    literals.withUnsafeBytes { literals in
      if literals.count == count {
        Request(raw).reply(bytes: literals)
        return
      }
      guard let vector = cfuse_bufvec_allocate(segments.count) else { return Request(raw).reply(errno: ENOMEM) }
      defer { free(vector) }
      for (index, segment) in segments.enumerated() {
        switch segment {
        case .literal(let offset, let count):
          // libfuse copies these into the pipe: it does not write to them, and they need to live only this long.
          let start = literals.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + offset) }
          cfuse_bufvec_set_memory(vector, index, start, count)
        case .file(let descriptor, let offset, let count):
          cfuse_bufvec_set_file(vector, index, descriptor, off_t(offset), count)
        }
      }
      Request(raw).reply(vector: vector, count: count)
    }
  }
}
