import ArgumentParser
import FoundationEssentials
import FuseServer

/// Where `tantra doctor` looks at the system: options that are not shown, for looking at another system's files.
struct SystemSources: ParsableArguments {
  @Option(help: "Device of FUSE.") var fuseDevice = "/dev/fuse"
  @Option(help: "Configuration of fusermount3.") var fuseConf = "/etc/fuse.conf"
  @Option(help: "Folders in which to look for fusermount3, separated by colons.") var fusermountPath: String?
  @Option(help: "The proc file system.") var proc = "/proc"
  @Option(help: "Table of mounts.") var mountinfo = "/proc/self/mountinfo"
  @Option(help: "Release of the kernel.") var kernelRelease: String?

  /// The text of a file; nil if it cannot be read.
  static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// What is mounted; nil if it cannot be read.
  var mounts: MountTable? { Self.text(mountinfo).map { MountTable(mountinfo: $0.utf8) } }

  var kernelReleaseText: String { kernelRelease ?? Self.text(proc + "/sys/kernel/osrelease") ?? "" }

  /// The value of the line `name: value` of `/proc/self/status`.
  func processStatus(_ name: String) -> Substring? {
    Self.text(proc + "/self/status")?.split(separator: "\n").first { $0.hasPrefix(name + ":") }?
      .split(whereSeparator: \.isWhitespace).last
  }

  /// Whether this process may do what only an administrator may: `CAP_SYS_ADMIN`, bit 21 (capabilities(7)).
  var isAdministrator: Bool {
    (processStatus("CapEff").flatMap { UInt64($0, radix: 16) } ?? 0) & 1 << 21 != 0
  }
}
