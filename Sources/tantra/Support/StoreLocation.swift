import FoundationEssentials
import FuseServer
import StoreClient

/// The folder of the store that a command is about. There is one way to find it, whatever the command.
struct StoreLocation {
  /// Why it is this one.
  enum Reason: Equatable {
    /// `--store` or `$TANTRA_STORE` names it.
    case named
    /// It is the only store that is mounted.
    case mounted
    /// It is where stores are unless somebody says otherwise.
    case usual
  }

  /// A store that a live mount serves.
  struct Mounted: Hashable {
    var path: String
    var mountpoint: String
  }

  /// Absolute.
  var path: String
  var reason: Reason

  /// - Parameters:
  ///   - name: what `--store` says.
  ///   - mindingMounts: whether a store counts that is mounted. One that is to be mounted is not mounted yet.
  /// - Throws: if several stores are mounted, so that one has to be named.
  init(named name: String?, mindingMounts: Bool = true) throws(CommandFailure) {
    if let name = Self.named(name) {
      self.init(absolute: name, .named)
      return
    }
    let mounted = mindingMounts ? Self.mounted : []
    if let first = mounted.first {
      guard mounted.allSatisfy({ $0.path == first.path }) else {
        var told: Set<String> = []
        let all = mounted.filter { told.insert($0.path).inserted }.map { "\($0.path) at \($0.mountpoint)" }
          .joined(separator: ", ")
        throw CommandFailure(.usage, "several stores are mounted: \(all); name one with --store or TANTRA_STORE")
      }
      self.init(absolute: first.path, .mounted)
      return
    }
    self.init(absolute: Self.usual, .usual)
  }

  /// What somebody names, on the command line or in the environment.
  static func named(_ name: String?) -> String? { name ?? value("TANTRA_STORE") }

  /// Where stores are unless somebody says otherwise.
  static var usual: String {
    value("XDG_DATA_HOME").map { $0 + "/tantra" } ?? (value("HOME") ?? ".") + "/.local/share/tantra"
  }

  private static func value(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  private init(absolute path: String, _ reason: Reason) {
    self.path = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    self.reason = reason
  }

  /// Tells why a command takes its time.
  static func noteWaiting(for mountpoints: [String]) {
    Console.note("waiting for the mount at \(mountpoints.joined(separator: ", ")), which does not answer")
  }

  /// The stores of all mounts that say which store they serve, in the order of mounting. They are asked once a process.
  static let mounted: [Mounted] = {
    guard let table = try? MountTable.current() else { return [] }
    let mountpoints = table.tantraMounts.filter { table.top(at: $0.mountpoint) == $0 }.map(\.mountpoint)
    let answers = ControlFolder.versions(at: mountpoints, within: StoreClient.patience, whenWaiting: noteWaiting)
    return zip(mountpoints, answers).compactMap { mountpoint, answer in
      guard case .version(let version) = answer, !version.store.isEmpty else { return nil }
      return Mounted(path: version.store, mountpoint: mountpoint)
    }
  }()
}
