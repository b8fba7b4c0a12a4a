package import BlobStore
import Glibc
import PosixIO
package import WeightRegistry
package import WeightsFS

/// The fixed part of ``MemoryFileSystem``: nodes by inode number, and what is in them.
package struct MemoryTree: Sendable {
  package enum Action: Sendable {
    case switchTarget, refuse, counters, reads, greedy, patient
  }

  package enum Content: Sendable {
    case folder([String: InodeNumber])
    case link
    case pieces([Stretch])
    case control(Action)
  }

  package struct Node: Sendable {
    var content: Content
    var listing: [DirectoryEntry] = []
    var isHostile = false
  }

  package static let manyCount = 10_000

  private var nodes: [Node] = [Node(content: .folder([:]))]
  private(set) var controlFolder = InodeNumber.root

  /// - Parameter backing: what most files are made of.
  package init(backing: any StoredBytes) {
    let backingSize = backing.byteCount
    add("hello.txt", .pieces([.bytes(Array("hello\n".utf8)[...])]), to: .root)
    add("stitched.bin", .pieces(Self.stitched(of: backing)), to: .root)
    add(
      "damaged.bin",
      .pieces([
        .bytes(Array("header".utf8)[...]),
        .stored(backing, max(0, backingSize - 50_000)..<max(0, backingSize - 50_000) + 100_000),
        .bytes([UInt8](repeating: UInt8(ascii: "t"), count: 8192)[...]),
      ]), to: .root)
    add("whole.bin", .pieces([.stored(backing, 0..<backingSize)]), to: .root)
    add("active", .link, to: .root)
    for version in ["v1", "v2"] {
      let folder = add(version, .folder([:]), to: .root)
      add("name.txt", .pieces([.bytes(Array("\(version)\n".utf8)[...])]), to: folder)
    }
    let many = add("many", .folder([:]), to: .root)
    for index in 0..<Self.manyCount {
      let digits = String(index)
      let name = "f" + String(repeating: "0", count: 5 - digits.count) + digits + ".txt"
      add(name, .pieces([.bytes(Array(name.utf8)[...])]), to: many)
    }
    let hostile = add("hostile", .folder([:]), to: .root)
    for name in ["good", "a/b", "", String(repeating: "x", count: 300), "nul\0byte"] {
      add(name, .pieces([.bytes([1])]), to: hostile)
    }
    nodes[Int(hostile.rawValue) - 1].isHostile = true
    controlFolder = add("control", .folder([:]), to: .root)
    for (name, action) in [
      ("active", Action.switchTarget), ("refuse", .refuse), ("counters", .counters), ("reads", .reads),
      ("greedy", .greedy), ("patient", .patient),
    ] {
      add(name, .control(action), to: controlFolder)
    }
  }

  package func node(_ inode: InodeNumber) throws(FileSystemError) -> Node {
    guard inode.rawValue >= 1, inode.rawValue <= UInt64(nodes.count) else { throw FileSystemError(ESTALE) }
    return nodes[Int(inode.rawValue) - 1]
  }

  @discardableResult
  private mutating func add(_ name: String, _ content: Content, to parent: InodeNumber) -> InodeNumber {
    nodes.append(Node(content: content))
    let inode = InodeNumber(rawValue: UInt64(nodes.count))
    let index = Int(parent.rawValue) - 1
    if case .folder(var names) = nodes[index].content {
      nodes[index].content = .folder([:])
      names[name] = inode
      nodes[index].content = .folder(names)
    }
    let kind: FileKind =
      switch content {
      case .folder: .directory
      case .link: .symbolicLink
      case .pieces, .control: .regular
      }
    nodes[index].listing.append(DirectoryEntry(name: name, inode: inode, kind: kind))
    return inode
  }

  /// The whole backing file in ranges of sizes from 1 byte to a few hundred KiB, each with literal bytes before it.
  private static func stitched(of backing: any StoredBytes) -> [Stretch] {
    let sizes = [1, 4095, 4096, 4097, 300_001, 65_537, 13, 524_287, 777, 3, 5, 7, 1_000_003, 2_222]
    var pieces: [Stretch] = []
    var offset = 0
    while offset < backing.byteCount {
      let turn = pieces.count / 2
      let literal = (0..<(turn % 5 == 4 ? 9000 : turn % 97 + 1)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ turn) }
      pieces.append(.bytes(literal[...]))
      let count = min(sizes[turn % sizes.count], backing.byteCount - offset)
      pieces.append(.stored(backing, offset..<offset + count))
      offset += count
    }
    return pieces
  }

  /// The part of `pieces` that makes up `count` bytes from `offset`.
  package static func cut(_ pieces: [Stretch], offset: Int, count: Int) -> [Stretch] {
    var result: [Stretch] = []
    var start = 0
    for piece in pieces {
      let size = piece.byteCount
      let from = max(offset, start) - start
      let to = min(offset + count, start + size) - start
      if from < to {
        switch piece {
        case .bytes(let bytes): result.append(.bytes(bytes.dropFirst(from).prefix(to - from)))
        case .stored(let stored, let range):
          result.append(.stored(stored, range.lowerBound + from..<range.lowerBound + to))
        }
      }
      start += size
    }
    return result
  }
}

extension Stretch {
  /// The bytes themselves.
  package var contents: [UInt8] {
    get throws(BlobStoreError) {
      switch self {
      case .bytes(let bytes): return Array(bytes)
      case .stored(let stored, let range):
        var buffer = [UInt8](repeating: 0, count: range.count)
        try buffer.withUnsafeMutableBytes { target in
          Result { () throws(BlobStoreError) in try stored.read(range, into: target, unless: .never) }
        }.get()
        return buffer
      }
    }
  }
}

extension MemoryTree {
  /// Writes what `stitched.bin` has to read as.
  package func writeStitched(to path: String) throws(FileSystemError) {
    guard case .folder(let names) = try node(.root).content, let inode = names["stitched.bin"],
      case .pieces(let pieces) = try node(inode).content
    else { throw FileSystemError(ENOENT) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw FileSystemError(errno, path) }
    defer { close(descriptor) }
    for piece in pieces {
      let bytes: [UInt8]
      do throws(BlobStoreError) { bytes = try piece.contents } catch { throw FileSystemError(EIO, "\(error)") }
      guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
        throw FileSystemError(EIO, path)
      }
    }
  }
}
