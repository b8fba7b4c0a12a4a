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
    "at \(mountpoint)" + (isReadOnly ? ", to read only," : "") + (pid.map { " by process \($0)" } ?? "")
      + " of user \(userText), \(health)"
  }

  /// All mounts of Tantra that this process sees, in the order of mounting. They are asked all at once.
  static func all() throws -> [MountReport] {
    let table = try MountTable.current()
    let entries = table.tantraMounts.filter { table.top(at: $0.mountpoint) == $0 }
    let answers = ControlFolder.versions(
      at: entries.map(\.mountpoint), within: StoreClient.patience, whenWaiting: StoreLocation.noteWaiting)
    return zip(entries, answers).map { entry, answer in
      var report = MountReport(
        mountpoint: entry.mountpoint, uid: entry.ownerUID ?? 0, isReadOnly: entry.isReadOnly,
        health: "\(health(answer))",
        slowness: slowness(of: entry))
      guard case .version(let version) = answer else { return report }
      if !version.store.isEmpty { report.store = version.store }
      // The mount of a remote can only be read. Others need not count their store for this.
      if entry.isReadOnly { report.remote = RemoteStanding(mountpoint: entry.mountpoint) }
      return report
    }
  }

  private static func health(_ answer: ControlFolder.Answer) -> MountHealth {
    switch answer {
    case .version: .alive
    case .failure(let errno): MountHealth(errno: errno)
    case .none: .unresponsive
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
