package import PosixIO
package import WeightFormats

/// One file of a version, ready to be read: a blob as it is, or a layout over blobs.
package final class VersionView: Sendable {
  /// Where the bytes of a storage are: an open pack and an offset in it.
  struct StoragePlace: Sendable {
    var file: OpenedFile
    var offset: Int
  }

  private enum Content: Sendable {
    case blob(OpenedFile)
    /// Places are nil for empty storages, which no segment names.
    case layout(FileLayout, [StoragePlace?])
  }

  /// A stretch of what was asked for.
  package enum Piece: Sendable {
    case bytes(ArraySlice<UInt8>)
    case file(OpenedFile, offset: Int, count: Int)
  }

  package let byteCount: Int
  private let content: Content

  init(blob file: OpenedFile, byteCount: Int) {
    content = .blob(file)
    self.byteCount = byteCount
  }

  init(layout: FileLayout, places: [StoragePlace?]) {
    content = .layout(layout, places)
    byteCount = layout.byteCount
  }

  /// The file that has exactly these bytes, if one has: a blob of the size that is told of it.
  package var wholeFile: OpenedFile? {
    get throws(PosixError) {
      guard case .blob(let file) = content, try file.status().size == byteCount else { return nil }
      return file
    }
  }

  /// The pieces that make up `count` bytes from `offset`, clamped to the file. O(log segments + pieces).
  package func pieces(offset: Int, count: Int) -> [Piece] {
    guard offset >= 0, count > 0, offset < byteCount else { return [] }
    let range = offset..<offset + min(count, byteCount - offset)
    switch content {
    case .blob(let file):
      return [.file(file, offset: range.lowerBound, count: range.count)]
    case .layout(let layout, let places):
      var pieces: [Piece] = []
      layout.forEachPiece(in: range) { segment, part in
        switch segment {
        case .literal(let bytes): pieces.append(.bytes(bytes[part]))
        case .storage(let index, let start, _):
          guard let place = places[index] else { return }
          pieces.append(.file(place.file, offset: place.offset + start + part.lowerBound, count: part.count))
        }
      }
      return pieces
    }
  }
}

extension VersionView: ByteSource {
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError) {
    var done = 0
    for piece in pieces(offset: offset, count: buffer.count) {
      switch piece {
      case .bytes(let bytes):
        UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyBytes(from: bytes)
        done += bytes.count
      case .file(let file, let start, let count):
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
        do throws(PosixError) {
          guard try file.read(at: start, into: target) == count else { break }
        } catch {
          throw FormatError(.unreadable, error.description)
        }
        done += count
      }
    }
    guard done == buffer.count else {
      throw FormatError(.truncated, "expected \(buffer.count) bytes at offset \(offset), found \(done)")
    }
  }
}
