import CFuse
import Glibc
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

  /// Takes pieces up to `limit` bytes: the kernel refuses an answer longer than it asked for.
  ///
  /// Throws EIO if a piece of a file has a range that no file has.
  init(_ pieces: [ReadPiece], limit: Int) throws(FileSystemError) {
    for piece in pieces where count < limit {
      let room = limit - count
      switch piece {
      case .bytes(let bytes):
        let taken = bytes.prefix(room)
        if taken.isEmpty { continue }
        segments.append(.literal(offset: literals.count, count: taken.count))
        literals.append(contentsOf: taken)
        count += taken.count
      case .file(let descriptor, let offset, let length):
        if length == 0 { continue }
        guard descriptor >= 0, offset >= 0, length > 0, !offset.addingReportingOverflow(length).overflow else {
          throw FileSystemError(
            EIO, "a read was answered with \(length) bytes at \(offset) of descriptor \(descriptor)")
        }
        segments.append(.file(descriptor: descriptor, offset: offset, count: min(length, room)))
        count += min(length, room)
      }
    }
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
