import PosixIO
import SystemPackage

/// The mounts that this process sees.
package struct MountTable: Sendable {
  /// The type of our mounts in `/proc/mounts`.
  package static let type = "fuse.\(subtype)"
  static let subtype = "tantra"
  static let source = "tantra"

  /// In the order of mounting: of two mounts on one path the later one is seen.
  package var entries: [MountEntry]

  /// Reads the text of a mountinfo file; lines that cannot be read are left out.
  package init(mountinfo: some Collection<UInt8>) {
    entries = mountinfo.split(separator: UInt8(ascii: "\n")).compactMap { MountEntry(line: $0) }
  }

  /// The table as it is now. Throws ``MountError/systemResource(_:errno:)`` if there is no /proc.
  package static func current() throws(MountError) -> MountTable {
    do throws(PosixError) {
      return MountTable(mountinfo: try SystemFile.read("/proc/self/mountinfo"))
    } catch {
      throw .systemResource("\(error.path) cannot be read", errno: error.errno.rawValue)
    }
  }

  /// Our mounts, whoever serves them.
  package var tantraMounts: [MountEntry] { entries.filter(\.isTantra) }

  /// What is mounted on `path`, which has to be absolute and free of links.
  package func top(at path: String) -> MountEntry? { entries.last { $0.mountpoint == path } }
}
