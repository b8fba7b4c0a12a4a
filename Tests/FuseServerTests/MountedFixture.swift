import Foundation
import FuseServer
import Glibc
import PosixIO
import TestSupport
import Testing

/// Whether mounts can be made here, and why tests that need one are left out otherwise.
enum MountSupport {
  static let isAvailable = access("/dev/fuse", R_OK | W_OK) == 0 && geteuid() == 0
  static let comment: Comment = "these tests mount for real: they need root and /dev/fuse"

  /// Whether the kernel can read files itself: since Linux 6.9.
  static let passesThrough: Bool = {
    var system = utsname()
    guard isAvailable, uname(&system) == 0 else { return false }
    let release = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 9)
  }()
}

/// The fixture program serving a mount in a process of its own, which is taken down with this object.
final class MountedFixture {
  let folder: TemporaryFolder
  let mountpoint: String
  var pid: pid_t { process.number }
  private let process: ChildProcess
  private let output: ChildPipe
  private var text = ""
  private var hasEnded = false

  /// The fixture program, which is built beside the tests.
  static var program: String {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(fileURLWithPath: tests).deletingLastPathComponent().path + "/MountFixture"
    }
  }

  /// Mounts on `mnt` of a fresh folder (or of `folder`), and waits until the mount is live.
  ///
  /// The folder gets `backing` (random bytes, odd size) and `expected`, what stitched.bin has to read as.
  init(in folder: TemporaryFolder? = nil, options: [String] = [], asUser uid: UInt32? = nil) throws {
    let folder = try folder ?? TemporaryFolder()
    self.folder = folder
    mountpoint = folder("mnt")
    try Self.prepare(folder)
    output = try ChildPipe()
    let program = try Self.program
    let arguments = [program, mountpoint, folder("backing"), "--expected", folder("expected")] + options
    if let uid {
      try #require(chown(folder.path, uid, uid) == 0)
      let user = ["setpriv", "--reuid=\(uid)", "--regid=\(uid)", "--clear-groups"]
      process = try ChildProcess("/usr/bin/setpriv", user + arguments, output: output.writeEnd)
    } else {
      process = try ChildProcess(program, arguments, output: output.writeEnd)
    }
    output.closeWriteEnd()
    while !text.contains("ready\n") {
      guard let chunk = try output.read() else {
        hasEnded = true
        throw FixtureFailure(text: "status \(process.wait() ?? -1): \(text)")
      }
      text += String(decoding: chunk, as: UTF8.self)
    }
  }

  deinit {
    if !hasEnded {
      process.send(SIGKILL)
      _ = process.wait()
    }
    // Detached until nothing is left, so that the folder can be removed.
    while umount2(mountpoint, Int32(MNT_DETACH)) == 0 {}
  }

  static func prepare(_ folder: TemporaryFolder) throws {
    guard !FileManager.default.fileExists(atPath: folder("backing")) else { return }
    var generator = SystemRandomNumberGenerator()
    var bytes = Data(capacity: 5_000_011)
    while bytes.count < 5_000_011 { withUnsafeBytes(of: generator.next() as UInt64) { bytes.append(contentsOf: $0) } }
    try bytes.prefix(5_000_011).write(to: URL(fileURLWithPath: folder("backing")))
  }

  func callAsFunction(_ name: String) -> String { mountpoint + "/" + name }

  /// Runs a script with the mountpoint as its current folder and `$1`, and the test's folder as `$2`.
  func shell(_ script: String, asUser uid: UInt32? = nil) throws -> Command {
    let bash = ["bash", "-c", "cd \"$1\" && " + script, "bash", mountpoint, folder.path]
    guard let uid else { return try Command.run("bash", Array(bash.dropFirst())) }
    return try Command.run("setpriv", ["--reuid=\(uid)", "--regid=\(uid)", "--clear-groups"] + bash)
  }

  func signal(_ number: CInt) { process.send(number) }

  /// Waits for the daemon's end: its exit status and all it wrote; nil if it still runs after `limit`.
  func waitForEnd(_ limit: Duration = .seconds(10)) throws -> (status: CInt, text: String)? {
    guard let status = process.wait(limit: limit) else { return nil }
    hasEnded = true
    while let chunk = try output.read() { text += String(decoding: chunk, as: UTF8.self) }
    return (status, text)
  }

  /// What the daemon counts as handed out, once it stops changing.
  func counters(settledAs expected: String) throws -> String {
    var counters = ""
    _ = try eventually {
      counters = try shell("cat control/counters").outputText
      return counters == expected
    }
    return counters
  }
}

struct FixtureFailure: Error {
  var text: String
}
