import FoundationEssentials
import FuseServer
import Glibc

/// A mount of the store that is measured, served by a daemon of its own as `tantra mount` starts one.
final class BenchMount {
  let mountpoint: String
  private let storePath: String
  private let logPath: String
  private var pid: pid_t = -1

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
    case .ready(let pid): self.pid = pid
    case .failed(let status, let message):
      throw CommandFailure(CommandFailure.Status(rawValue: status) ?? .failed, message)
    }
  }

  /// Mounts again with a new daemon, whose memory has held nothing yet.
  func restart() throws {
    try end()
    try mount()
  }

  /// Unmounts and waits for the daemon's end. What is still open then is taken along.
  func end() throws {
    guard pid > 0 else { return }
    let daemon = pid
    pid = -1
    do {
      try Unmounter.unmount(mountpoint)
    } catch UnmountError.busy {
      try Unmounter.unmount(mountpoint, lazily: true)
    } catch UnmountError.notMounted {
      // Its daemon has ended, or is about to.
    }
    if Spawn.wait(for: daemon, limit: .seconds(30)) != nil { return }
    kill(daemon, SIGTERM)
    if Spawn.wait(for: daemon, limit: .seconds(10)) != nil { return }
    kill(daemon, SIGKILL)
    _ = Spawn.wait(for: daemon)
  }

  /// Bytes that a line of the daemon's /proc/<pid>/status gives in kB: `VmRSS`, `VmHWM`, `RssAnon` (proc_pid_status(5)).
  func memory(_ field: String) throws -> Int {
    guard let text = SystemSources.text("/proc/\(pid)/status"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field + ":") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { throw BenchLine.Skipped(reason: "/proc/\(pid)/status has no \(field)") }
    return kilobytes * 1024
  }
}
