import Glibc

/// Tells whether a thread that waits for a lookup is about to make the name and would fail if it found it.
///
/// A lookup does not say what it is for; the thread's system call does, in `/proc/<tid>/syscall`: its number and arguments in
/// hexadecimal. Views appear beside a file that was just closed, and `cp -r` and `cp -al` make every file exclusively.
enum ExclusiveCreation {
  static func isUnderWay(by thread: Int32) -> Bool {
    guard thread > 0, let line = systemCall(of: thread) else { return false }
    let words = line.split(separator: " ")
    guard let first = words.first, let number = Int(first) else { return false }
    func argument(_ index: Int) -> UInt64? {
      words.indices.contains(index + 1) ? UInt64(words[index + 1].dropFirst(2), radix: 16) : nil
    }
    #if arch(x86_64)
      let (open, openAt, links): (Int, Int, Set<Int>) = (2, 257, [86, 265])
    #else
      let (open, openAt, links): (Int, Int, Set<Int>) = (-1, 56, [37])
    #endif
    if links.contains(number) { return true }
    let flags = number == openAt ? argument(2) : number == open ? argument(1) : nil
    let exclusive = UInt64(O_CREAT | O_EXCL)
    return flags.map { $0 & exclusive == exclusive } ?? false
  }

  private static func systemCall(of thread: Int32) -> String? {
    let descriptor = Glibc.open("/proc/\(thread)/syscall", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
