import Glibc
package import StoreRecords

extension StoreClient {
  /// Where the store is mounted by the process that holds its lock, or was, if that process has died without unmounting.
  ///
  /// The lock file may name a mountpoint of long ago, where somebody else has mounted another store since. So the mount there is
  /// asked which store it serves.
  ///
  /// - Parameter others: mountpoints that count too, if what is mounted there says that it serves this store: a mount that can
  ///   only be read holds no lock.
  /// - Returns: nil if there is none.
  package func mountpoint(orAt others: [String] = []) throws(StoreError) -> String? {
    if let holder = try StoreFolder(path: path, creating: false).lockHolder(), let mountpoint = holder.mountpoint {
      switch ControlFolder.version(at: mountpoint, within: Self.patience) {
      case .version(let version): if isStore(at: version.store) { return mountpoint }
      case .failure(ENOTCONN), .failure(ECONNABORTED): return mountpoint
      // It hangs, or is an older one: then the process tells whether the lock file speaks of now.
      case .failure, .none: if kill(holder.pid, 0) == 0 || errno == EPERM { return mountpoint }
      }
    }
    return servedMountpoint(among: others)
  }

  /// The first of some mountpoints whose mount says that it serves this store.
  package func servedMountpoint(among others: [String]) -> String? {
    zip(others, ControlFolder.versions(at: others, within: Self.patience)).first { _, answer in
      guard case .version(let version) = answer else { return false }
      return isStore(at: version.store)
    }?.0
  }

  /// Whether a path leads to the folder of this store.
  package func isStore(at other: String) -> Bool {
    var (own, found) = (stat(), stat())
    return stat(path, &own) == 0 && stat(other, &found) == 0 && own.st_dev == found.st_dev && own.st_ino == found.st_ino
  }
}
