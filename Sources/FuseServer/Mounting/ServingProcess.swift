import CFuse
import Glibc
import PosixIO

/// The process that serves a mount, for waiting until it has ended: until then it may hold what the next one needs.
final class ServingProcess: Sendable {
  /// The extended attribute of a mount's root that tells the number of its process.
  static let attribute = "user.tantra.daemon"

  let number: pid_t
  /// Readable once the process has ended.
  private let descriptor: CInt

  /// Asks who serves `mountpoint`; nil if it cannot be asked, as its daemon is dead, or if the answer names nobody whom this
  /// process can see.
  ///
  /// - Throws: `unresponsive` if there is no answer within `limit`.
  init?(of mountpoint: String, limit: Duration = .seconds(5)) throws(UnmountError) {
    guard let number = try Self.ask(mountpoint, limit: limit) else { return nil }
    // The same number may be another process's where the daemon has numbers of its own.
    guard number > 0, let program = Self.program(of: number), program == Self.program(of: getpid()) else { return nil }
    let descriptor = cfuse_open_process(number)
    guard descriptor >= 0 else { return nil }
    self.number = number
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Waits for the end of the process, at most for `limit`; whether it has ended.
  func waitForEnd(limit: Duration) -> Bool { Latch.wait(for: [descriptor], limit: limit) != nil }

  private static func ask(_ mountpoint: String, limit: Duration) throws(UnmountError) -> pid_t? {
    let question: DetachedRead
    do throws(PosixError) { question = try DetachedRead(attribute: attribute, of: mountpoint) } catch { return nil }
    switch question.answer(before: .now + limit) {
    case .bytes(let bytes): return pid_t(String(decoding: bytes, as: UTF8.self))
    case .failure: return nil
    case nil: throw .unresponsive(mountpoint)
    }
  }

  /// The name of a process's program, which may have been replaced since; nil if it cannot be told.
  private static func program(of process: pid_t) -> Substring? {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/\(process)/exe", &path, path.count)
    guard count > 0 else { return nil }
    let text = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let name = text.split(separator: "/").last ?? ""
    return name.hasSuffix(" (deleted)") ? name.dropLast(10) : name
  }
}
