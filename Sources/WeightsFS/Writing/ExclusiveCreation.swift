import Glibc

/// Tells whether a thread that waits for a lookup is about to make the name and would fail if it found it.
///
/// A lookup does not say what it is for; the thread's system call does, in `/proc/<tid>/syscall`: its number and arguments in
/// hexadecimal. Views appear beside a file that was just closed, and `active` with the first version; `cp -r` and `cp -al` make
/// every file and link exclusively. A thread may be looked at by who may trace it; for others there is ``FolderFillers``.
enum ExclusiveCreation {
  /// What is made.
  enum Kind { case file, symbolicLink }

  /// - Parameter isName: whether a path, absolute and cut at its slashes, may lead to the name that is looked up: a call that
  ///   makes a link looks up the old name, and names on the way, too.
  /// - Returns: nil if the thread may not be looked at, or is none of this process's namespace.
  static func isUnderWay(by thread: Int32, of kind: Kind, _ isName: ([Substring]) -> Bool) -> Bool? {
    guard thread > 0, let call = SystemCall(of: thread) else { return nil }
    #if arch(x86_64)
      let (open, openAt, link, linkAt, symlink, symlinkAt) = (2, 257, 86, 265, 88, 266)
    #else
      let (open, openAt, link, linkAt, symlink, symlinkAt) = (-1, 56, -1, 37, -1, 36)
    #endif
    switch (call.number, kind) {
    case (open, .file): return call.creates(flags: 1)
    case (openAt, .file): return call.creates(flags: 2)
    case (link, _): return isNewName(call.path(1, in: nil), not: call.path(0, in: nil), isName)
    case (linkAt, _): return isNewName(call.path(3, in: 2), not: call.path(1, in: 0), isName)
    case (symlink, .symbolicLink): return isNewName(call.path(1, in: nil), not: nil, isName)
    case (symlinkAt, .symbolicLink): return isNewName(call.path(2, in: 1), not: nil, isName)
    default: return false
    }
  }

  private static func isNewName(_ new: String?, not old: String?, _ isName: ([Substring]) -> Bool) -> Bool {
    guard let new else { return false }
    return isName(new.split(separator: "/")) && !(old.map { isName($0.split(separator: "/")) } ?? false)
  }

  /// What a thread has asked the kernel for.
  private struct SystemCall {
    let number: Int
    private let thread: Int32
    private let arguments: [UInt64]

    init?(of thread: Int32) {
      let descriptor = Glibc.open("/proc/\(thread)/syscall", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      guard let words = Self.words(from: descriptor), let first = words.first, let number = Int(first) else {
        return nil
      }
      self.number = number
      self.thread = thread
      arguments = words.dropFirst().map { UInt64($0.dropFirst(2), radix: 16) ?? 0 }
    }

    /// What the kernel says of the thread; nil if it may not be asked.
    ///
    /// A thread whose request has come is "running" until its processor has put it to sleep, which it soon does. On a busy machine
    /// that takes as long as it takes until it is its turn.
    private static func words(from descriptor: CInt) -> [Substring]? {
      let deadline = ContinuousClock.now + .seconds(1)
      while true {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let words = String(decoding: buffer[..<count], as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.first == "running", ContinuousClock.now < deadline else { return words }
        usleep(100)
      }
    }

    /// Whether it is an open that makes a file and refuses one that is there.
    func creates(flags index: Int) -> Bool {
      guard arguments.indices.contains(index) else { return false }
      let exclusive = UInt64(O_CREAT | O_EXCL)
      return arguments[index] & exclusive == exclusive
    }

    /// The path that an argument points to, made absolute by the folder whose descriptor another argument is (nil: the working
    /// folder); nil if it cannot be read.
    func path(_ index: Int, in folder: Int?) -> String? {
      guard arguments.indices.contains(index), let path = string(at: arguments[index]) else { return nil }
      if path.hasPrefix("/") { return path }
      var base = "cwd"
      if let folder {
        let descriptor = Int32(truncatingIfNeeded: arguments[folder])
        if descriptor != AT_FDCWD { base = "fd/\(descriptor)" }
      }
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      guard readlink("/proc/\(thread)/\(base)", &buffer, buffer.count - 1) > 0 else { return nil }
      return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }.map { $0 + "/" + path }
    }

    /// The text at an address of the thread's memory.
    private func string(at address: UInt64) -> String? {
      guard address <= UInt64(Int64.max / 2) else { return nil }
      let descriptor = Glibc.open("/proc/\(thread)/mem", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var bytes: [UInt8] = []
      var page = [UInt8](repeating: 0, count: 4096)
      // What follows the page of the text's end need not be there.
      while bytes.count <= Int(PATH_MAX) {
        let start = address + UInt64(bytes.count)
        let count = pread(descriptor, &page, page.count - Int(start % 4096), off_t(start))
        guard count > 0 else { return nil }
        if let end = page[..<count].firstIndex(of: 0) {
          return String(decoding: bytes + page[..<end], as: UTF8.self)
        }
        bytes += page[..<count]
      }
      return nil
    }
  }
}
