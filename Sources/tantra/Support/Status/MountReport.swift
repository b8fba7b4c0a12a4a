import FuseServer
import Glibc
import PosixIO
import StoreClient

/// What `tantra status` tells of a mount.
struct MountReport: Encodable {
  var mountpoint: String
  /// nil if the mount does not say.
  var store: String?
  /// nil where it is not known which process serves the mount.
  var pid: Int32?
  /// The user who mounted it.
  var uid: UInt32
  var isReadOnly: Bool
  /// `alive`, `dead`, `unresponsive` or `unknown`.
  var health: String
  /// What makes reads from it slow, in a sentence each.
  var slowness: [String]
  /// How its remote stands; nil for the mount of a store.
  var remote: RemoteStanding?

  var userText: String { UserAccount.text(uid) }

  /// Without the store.
  var text: String {
    "at \(mountpoint)" + (pid.map { " by process \($0)" } ?? "") + " of user \(userText), \(health)"
  }

  /// All mounts of Tantra that this process sees, in the order of mounting. Each is asked, and waited for.
  static func all() throws -> [MountReport] {
    let table = try MountTable.current()
    return try table.tantraMounts.filter { table.top(at: $0.mountpoint) == $0 }.map { entry in
      let health = try MountHealth.probe(entry.mountpoint, limit: .seconds(5))
      var report = MountReport(
        mountpoint: entry.mountpoint, uid: entry.ownerUID ?? 0, isReadOnly: entry.isReadOnly, health: "\(health)",
        slowness: slowness(of: entry))
      guard health == .alive else { return report }
      let version = ControlFolder(mountpoint: entry.mountpoint).version(within: StoreClient.patience)
      if case .version(let version) = version, !version.store.isEmpty { report.store = version.store }
      report.remote = RemoteStanding(mountpoint: entry.mountpoint)
      return report
    }
  }

  /// Only root may let the kernel read files itself, and only newer kernels do.
  private static func slowness(of mount: MountEntry) -> [String] {
    var reasons: [String] = []
    if let uid = mount.ownerUID, uid != 0 {
      reasons.append("reads go through its process, for root did not mount it: tantra doctor tells more")
    }
    let release = (try? SystemFile.read("/proc/sys/kernel/osrelease")).map { String(decoding: $0, as: UTF8.self) }
    if let kernel = release.flatMap({ KernelRelease($0) }), !kernel.hasPassthrough {
      reasons.append("reads go through its process, for kernel \(kernel) cannot read files itself: Linux 6.9 can")
    }
    return reasons
  }
}
