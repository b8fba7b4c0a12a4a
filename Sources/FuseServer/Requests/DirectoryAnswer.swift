import CFuse
import Glibc
import WeightsFS

/// The answer to READDIR or READDIRPLUS: entries packed into the buffer that the kernel offers.
///
/// Position 0 is `.`, position 1 is `..`, position n + 2 is the file system's entry n; an entry carries the position
/// after it, where the kernel goes on. Each packed entry of READDIRPLUS that has an inode counts as a lookup.
struct DirectoryAnswer: ~Copyable {
  enum Style {
    case namesOnly, withAttributes
  }

  /// More than the kernel ever asks for at once.
  private static let largestBuffer = 1 << 20

  private let style: Style
  private let fileSystem: any FileSystem
  private let owner = Owner.current
  private let buffer: UnsafeMutableRawBufferPointer
  private var used = 0
  private var lookups: [InodeNumber] = []

  init(style: Style, size: Int, fileSystem: any FileSystem) throws(FileSystemError) {
    guard size > 0 else { throw FileSystemError(EINVAL) }
    self.style = style
    self.fileSystem = fileSystem
    buffer = .allocate(byteCount: min(size, Self.largestBuffer), alignment: 8)
  }

  deinit { buffer.deallocate() }

  /// Packs entries from position `offset` until the buffer is full or the folder ends.
  mutating func fill(from offset: off_t, handle: HandleNumber, folder: InodeNumber) throws(FileSystemError) {
    guard offset >= 0, offset < off_t.max - 2 else { throw FileSystemError(EINVAL) }
    var position = Int(offset)
    while position < 2 {
      guard add(name: position == 0 ? "." : "..", plain(folder, .directory), next: position + 1) else { return }
      position += 1
    }
    while true {
      let entries = try entries(of: handle, from: position - 2)
      if entries.isEmpty { return }
      for entry in entries {
        guard position < off_t.max - 2 else { return }
        guard try add(entry, folder: folder, next: position + 1) else { return }
        position += 1
      }
    }
  }

  /// Answers `request`, and takes the lookups back if the kernel did not take the answer.
  static func send(_ answer: consuming DirectoryAnswer, to request: consuming Request) {
    if !request.reply(bytes: UnsafeRawBufferPointer(rebasing: answer.buffer[..<answer.used])) {
      for inode in answer.lookups { answer.fileSystem.forget(inode, count: 1) }
    }
  }

  /// The next entries; a failure after some entries are packed ends the answer there, and the next one reports it.
  private func entries(of handle: HandleNumber, from start: Int) throws(FileSystemError) -> ArraySlice<DirectoryEntry> {
    do throws(FileSystemError) {
      return try fileSystem.readDirectory(handle, from: start)
    } catch {
      if used == 0 { throw error }
      return []
    }
  }

  /// Packs an entry of the file system; false if it does not fit.
  private mutating func add(
    _ entry: DirectoryEntry, folder: InodeNumber, next: Int
  ) throws(FileSystemError) -> Bool {
    // One such name would make the kernel refuse the whole listing.
    guard (1...Int(NAME_MAX)).contains(entry.name.utf8.count),
      !entry.name.utf8.contains(where: { $0 == 0 || $0 == 0x2f })
    else { return true }
    var answer = plain(entry.inode, entry.kind)
    guard size(of: entry.name, answer) <= buffer.count - used else { return false }
    if style == .withAttributes {
      do throws(FileSystemError) {
        // For nobody in particular: a listing hides no name from a caller that may be about to make it.
        let nobody = Caller(uid: 0, gid: 0, pid: 0)
        let attributes = try fileSystem.lookup(entry.name, in: folder, caller: nobody).attributes
        answer = KernelAttributes.entry(for: attributes, owner: owner)
        lookups.append(attributes.inode)
      } catch {
        // The name went since the folder was opened: it is listed without attributes, which counts no lookup.
      }
    }
    return add(name: entry.name, answer, next: next)
  }

  /// An entry without an inode: inode number 0 tells the kernel that there are no attributes to keep.
  private func plain(_ inode: InodeNumber, _ kind: FileKind) -> fuse_entry_param {
    var entry = fuse_entry_param()
    entry.attr.st_ino = UInt(inode.rawValue)
    entry.attr.st_mode = KernelAttributes.mode(of: kind)
    return entry
  }

  private func size(of name: String, _ entry: fuse_entry_param) -> Int {
    pack(name: name, entry, next: 0, into: nil, room: 0)
  }

  private mutating func add(name: String, _ entry: fuse_entry_param, next: Int) -> Bool {
    let room = buffer.count - used
    let start = buffer.baseAddress?.advanced(by: used).assumingMemoryBound(to: CChar.self)
    let size = pack(name: name, entry, next: next, into: start, room: room)
    guard size <= room else { return false }
    used += size
    return true
  }

  /// The bytes that the entry takes; it is written if there is room for them. libfuse looks at no request for that.
  private func pack(
    name: String, _ entry: fuse_entry_param, next: Int, into start: UnsafeMutablePointer<CChar>?, room: Int
  ) -> Int {
    withUnsafePointer(to: entry) { entry in
      switch style {
      case .withAttributes: fuse_add_direntry_plus(nil, start, room, name, entry, off_t(next))
      case .namesOnly:
        withUnsafePointer(to: entry.pointee.attr) { fuse_add_direntry(nil, start, room, name, $0, off_t(next)) }
      }
    }
  }
}
