import FuseServer
import Glibc
import PosixIO

/// A mount of the store that is measured, served by a daemon of its own as `tantra mount` starts one.
final class BenchMount {
  let mountpoint: String
  private let storePath: String
  private let logPath: String
  private var daemon: ChildProcess?

  init(storePath: String, mountpoint: String, logPath: String) throws {
    self.storePath = storePath
    self.mountpoint = mountpoint
    self.logPath = logPath
    try mount()
  }

  private func mount() throws {
    let arguments = [
      "tantra", "mount", mountpoint, "--foreground", "--store", storePath, "--readiness",
      String(BackgroundLauncher.readinessDescriptor), "--log-level", "notice",
    ]
    switch BackgroundLauncher.launch(arguments: arguments, logFile: logPath) {
    case .ready(let daemon): self.daemon = daemon
    case .failed(let status, let message): throw BenchFailure(.daemon(exitStatus: status), message)
    }
  }

  /// Mounts again with a new daemon, whose memory has held nothing yet.
  func restart() throws {
    try end()
    try mount()
  }

  /// Unmounts and waits for the daemon's end. What is still open then is taken along.
  func end() throws {
    guard let daemon else { return }
    self.daemon = nil
    do {
      try Unmounter.unmount(mountpoint)
    } catch UnmountError.busy, UnmountError.unresponsive {
      try Unmounter.unmount(mountpoint, lazily: true)
    } catch UnmountError.notMounted {
      // Its daemon has ended, or is about to.
    }
    daemon.end(grace: .seconds(30), patience: .seconds(10))
  }

  /// Bytes that a line of the daemon's /proc/<pid>/status gives in kB: `VmRSS`, `VmHWM`, `RssAnon` (proc_pid_status(5)).
  func memory(_ field: String) throws -> Int {
    guard let daemon else { throw BenchFailure(.failed, "the daemon has ended") }
    let path = "/proc/\(daemon.number)/status"
    let text = String(decoding: try SystemFile.read(path), as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field + ":") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { throw BenchLine.Skipped(reason: "\(path) has no \(field)") }
    return kilobytes * 1024
  }
}
