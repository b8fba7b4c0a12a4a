import Foundation
import StoreRecords
import WeightsFS

/// What a kernel sends for common system calls.
extension TreeFixture {
  func split(_ path: String) throws -> (parent: InodeNumber, name: String) {
    let slash = path.lastIndex(of: "/")
    return (
      try inode(slash.map { String(path[..<$0]) } ?? ""),
      String(slash.map { path[path.index(after: $0)...] } ?? path[...])
    )
  }

  /// `open(path, O_WRONLY | O_CREAT | flags)`, as the kernel carries it out.
  func openForWriting(_ path: String, truncates: Bool = true, exclusively: Bool = false) throws -> OpenFile {
    let (parent, name) = try split(path)
    let access = OpenAccess(reads: false, writes: true, truncates: truncates, caller: caller)
    do {
      let inode = try tree.lookup(name, in: parent, caller: caller).attributes.inode
      do {
        return try tree.open(inode, access)
      } catch  where error.errno == ESTALE {
        _ = try tree.lookup(name, in: parent, caller: caller)
        return try tree.open(try tree.lookup(name, in: parent, caller: caller).attributes.inode, access)
      }
    } catch  where error.errno == ENOENT {
      return try tree.create(name, in: parent, access, isExclusive: exclusively).file
    }
  }

  func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int = 0) throws {
    let count = try bytes.withUnsafeBytes {
      try tree.write(file.handle, offset: offset, bytes: $0, caller: caller) { false }
    }
    if count != bytes.count { throw FileSystemError(EIO) }
  }

  /// `close`, of the only descriptor.
  func close(_ file: OpenFile) throws {
    defer { tree.release(file.handle) }
    try tree.flush(file.handle) { false }
  }

  /// What `cat > path` does.
  func put(_ bytes: [UInt8], at path: String) throws {
    let file = try openForWriting(path)
    do {
      try write(bytes, to: file)
    } catch {
      tree.release(file.handle)
      throw error
    }
    try close(file)
  }

  func makeFolder(_ path: String) throws {
    let (parent, name) = try split(path)
    _ = try tree.makeDirectory(name, in: parent, permissions: 0o755, caller: caller)
  }

  func unlink(_ path: String) throws {
    let (parent, name) = try split(path)
    try tree.unlink(name, in: parent, caller: caller)
  }

  func removeFolder(_ path: String) throws {
    let (parent, name) = try split(path)
    try tree.removeDirectory(name, in: parent, caller: caller)
  }

  func rename(_ path: String, to newPath: String, _ mode: RenameMode = .replacing) throws {
    let (parent, name) = try split(path)
    let (newParent, newName) = try split(newPath)
    try tree.rename(name, in: parent, to: newName, in: newParent, mode, caller: caller) { false }
  }

  func link(_ path: String, to target: String) throws {
    let (parent, name) = try split(path)
    _ = try tree.makeSymbolicLink(name, in: parent, target: LinkTarget(target), caller: caller)
  }

  /// What `cp` does within the mount: COPY_FILE_RANGE, in pieces.
  func copy(_ path: String, to newPath: String, piece: Int = 1 << 30) throws {
    let source = try open(path)
    defer { tree.release(source.handle) }
    let target = try openForWriting(newPath)
    var done = 0
    while true {
      let count = try tree.copyRange(from: source.handle, offset: done, to: target.handle, offset: done, count: piece)
      if count == 0 { break }
      done += count
    }
    try close(target)
  }

  /// The errno and reason of a failure.
  func failure(_ body: () throws -> Void) -> FileSystemError? {
    do {
      try body()
      return nil
    } catch {
      return error as? FileSystemError
    }
  }
}
