package import BlobStore
package import PosixIO
import SystemPackage
package import WeightFormats

/// A stretch of what a file has at an offset: literal bytes, or a range of something that is stored.
package enum Stretch: Sendable {
  case bytes(ArraySlice<UInt8>)
  case stored(any StoredBytes, Range<Int>)

  package var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .stored(_, let range): range.count
    }
  }

  /// Whether it can be read now without a wait for anybody else.
  package var isAtHand: Bool {
    switch self {
    case .bytes: true
    case .stored(let source, let range): source.isAtHand(range)
    }
  }
}

/// One file of a version, ready to be read: something stored as it is, or a layout over blobs.
package final class VersionView: Sendable {
  /// Where the bytes of a storage begin. A view may have a million.
  struct Origin: Sendable {
    /// Index of one of the view's blobs.
    var blob: Int32
    var offset: Int
  }

  private enum Content: Sendable {
    case whole(any StoredBytes)
    /// Origins are nil for empty storages, which no segment names.
    case layout(FileLayout, [Origin?], of: [any StoredBytes])
  }

  package let byteCount: Int
  private let content: Content

  package init(_ bytes: any StoredBytes, byteCount: Int) {
    content = .whole(bytes)
    self.byteCount = byteCount
  }

  init(layout: FileLayout, origins: [Origin?], of blobs: [any StoredBytes]) {
    content = .layout(layout, origins, of: blobs)
    byteCount = layout.byteCount
  }

  /// A layout whose storages lie in whatever has bytes: what is stored, or what is computed of it.
  ///
  /// - Parameter storages: by index; nil for empty ones, which no segment names.
  package convenience init(layout: FileLayout, storages: [(bytes: any StoredBytes, offset: Int)?]) {
    var sources: [any StoredBytes] = []
    var indices: [ObjectIdentifier: Int32] = [:]
    let origins = storages.map { storage -> Origin? in
      guard let storage, let next = Int32(exactly: sources.count) else { return nil }
      let index = indices[ObjectIdentifier(storage.bytes)] ?? next
      if index == next {
        sources.append(storage.bytes)
        indices[ObjectIdentifier(storage.bytes)] = next
      }
      return Origin(blob: index, offset: storage.offset)
    }
    self.init(layout: layout, origins: origins, of: sources)
  }

  /// About how many bytes of memory the view takes: with the number of tensors, not with what they hold.
  var memoryByteCount: Int {
    guard case .layout(let layout, let origins, _) = content else { return 0 }
    return layout.memoryByteCount + origins.count * MemoryLayout<Origin?>.stride
  }

  /// The stored bytes that the file is as a whole, if it is such.
  package var whole: (any StoredBytes)? {
    guard case .whole(let bytes) = content, bytes.byteCount == byteCount else { return nil }
    return bytes
  }

  /// The stretches that make up `count` bytes from `offset`, clamped to the file. O(log segments + stretches).
  package func stretches(offset: Int, count: Int) -> [Stretch] {
    guard offset >= 0, count > 0, offset < byteCount else { return [] }
    let range = offset..<offset + min(count, byteCount - offset)
    switch content {
    case .whole(let bytes): return [.stored(bytes, range)]
    case .layout(let layout, let origins, let blobs):
      var stretches: [Stretch] = []
      layout.forEachPiece(in: range) { segment, part in
        switch segment {
        case .literal(let bytes): stretches.append(.bytes(bytes.dropFirst(part.lowerBound).prefix(part.count)))
        case .storage(let index, let start, _):
          guard let origin = origins[index] else { return }
          let first = origin.offset + start + part.lowerBound
          stretches.append(.stored(blobs[Int(origin.blob)], first..<first + part.count))
        }
      }
      return stretches
    }
  }

  /// Writes the first `count` bytes (nil: all) to the beginning of `file`.
  ///
  /// - Parameter progress: told of the bytes written since its last call; answers whether to go on.
  /// - Throws: `damaged`; `system(EINTR)`, and a part of them may have been written then.
  package func copy(
    _ count: Int? = nil, to file: OpenedFile, progress: (_ bytes: Int) -> Bool
  ) throws(BlobStoreError) {
    var end = 0
    for stretch in stretches(offset: 0, count: count ?? byteCount) {
      switch stretch {
      case .bytes(let bytes):
        do throws(PosixError) { try file.write(Array(bytes), at: end) } catch { throw .system(error) }
        guard progress(bytes.count) else { throw .system(PosixError(.interrupted, call: "copy", path: file.path)) }
      case .stored(let source, let range): try source.copy(range, to: file, at: end, progress: progress)
      }
      end += stretch.byteCount
    }
  }
}

extension VersionView: ByteSource {
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError) {
    let found: Int
    do throws(BlobStoreError) { found = try read(offset, buffer) } catch {
      throw FormatError(.unreadable, error.description)
    }
    guard found == buffer.count else {
      throw FormatError(.truncated, "expected \(buffer.count) bytes at offset \(offset), found \(found)")
    }
  }

  /// Fills as much of `buffer` as the file has from `offset`; answers the number of bytes.
  package func read(_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(BlobStoreError) -> Int {
    var done = 0
    for stretch in stretches(offset: offset, count: buffer.count) {
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + stretch.byteCount])
      switch stretch {
      case .bytes(let bytes): target.copyBytes(from: bytes)
      case .stored(let source, let range): try source.read(range, into: target, unless: .never)
      }
      done += stretch.byteCount
    }
    return done
  }
}
