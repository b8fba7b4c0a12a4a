import FuseServer
import Glibc
import PosixIO
import StoreRecords
import WeightRegistry

/// Checks a store: whether it can be read and written, who uses it, and how much room it has.
struct StoreInspection {
  /// The folder of the store, absolute.
  let path: String
  let store: StoreOptions
  let sources: SystemSources

  var diagnoses: [Diagnosis] {
    let registry: WeightRegistry
    do throws(StoreError) {
      registry = try store.openForReading(at: path)
    } catch {
      return [failure(error)]
    }
    return [content(of: registry), permissions, user(of: registry), room(of: registry)]
  }

  private func failure(_ error: StoreError) -> Diagnosis {
    let name = "store"
    return switch error.code {
    case .noStore:
      .fail(
        name, "there is no weight store at \(path)",
        fix: "name one with --store DIR or TANTRA_STORE, or make one with tantra generate or tantra import")
    case .newerFormat:
      .fail(name, error.message, fix: "install a newer Tantra; this one leaves the store as it is")
    case .system(EACCES), .system(EPERM):
      .fail(name, error.message, fix: "run as the store's owner, or chmod -R u+rX \(path)")
    case .damaged:
      .fail(
        name, "\(path): \(error.message)",
        fix: "bring the file back from a backup or from git; tantra validate tells whether the rest is whole")
    default: .fail(name, "\(path): \(error.message)", fix: "see whether the disk is in order")
    }
  }

  /// Reads every manifest; what they name is for `validate` to check.
  private func content(of registry: WeightRegistry) -> Diagnosis {
    var count = 0
    do throws(StoreError) {
      for model in registry.records.models {
        for version in try registry.records.versions(of: model) {
          _ = try registry.records.manifest(of: model, version)
          count += 1
        }
      }
    } catch {
      return failure(error)
    }
    let advice =
      registry.records.formatNumber < WeightConfig.currentFormat
      ? "; its format is \(registry.records.formatNumber), and tantra upgrade-store takes it to \(WeightConfig.currentFormat); until "
        + "then it can only be read" : ""
    return .ok("store", "\(path), \(registry.records.models.count) models with \(count) versions\(advice)")
  }

  private var permissions: Diagnosis {
    let name = "store access"
    for folder in ["", "/models", "/weights/sha256", "/.staging"] {
      let folder = path + folder
      guard faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0 else { continue }
      switch errno {
      case ENOENT: continue
      case EROFS:
        return .warn(
          name, "\(folder) is on a read-only file system: nothing can be imported, and no version made active",
          fix: "mount -o remount,rw that file system, or look only: tantra mount --read-only")
      default:
        return .warn(
          name, "\(folder) is not writable for user \(geteuid()): nothing can be imported, and no version made active",
          fix: "run as its owner, or chown -R \(geteuid()) \(path), or look only: tantra mount --read-only")
      }
    }
    return .ok(name, "writable")
  }

  /// Who holds the lock. A lock ends with its process, so a lock file that names a process which is gone is in order.
  private func user(of registry: WeightRegistry) -> Diagnosis {
    let name = "store lock"
    guard let holder = registry.store.lockHolder() else { return .ok(name, "free") }
    guard isLocked(by: holder.pid) else {
      // A process that has ended may still be listed, until its parent takes notice.
      let past = "free: process \(holder.pid), which used it last, has ended"
      if let mountpoint = holder.mountpoint, health(of: mountpoint) == .dead {
        return .warn(
          name, past + " without unmounting \(mountpoint)",
          fix: "tantra unmount \(mountpoint), or tantra mount \(mountpoint), which clears it away")
      }
      guard kill(holder.pid, 0) != 0, errno == ESRCH else { return .ok(name, "free") }
      return .ok(name, past + " (the lock with it: nothing to clear)")
    }
    if let mountpoint = holder.mountpoint, health(of: mountpoint) == .unresponsive {
      return .fail(
        name, "in use by \(holder), and that mount does not answer",
        fix: "continue or end process \(holder.pid) (kill -CONT \(holder.pid); kill \(holder.pid))")
    }
    return .ok(name, "in use by \(holder)")
  }

  /// Whether the process holds a lock on the store's lock file, as `/proc/locks` has it (proc_locks(5)):
  ///
  ///     1: FLOCK  ADVISORY  WRITE 708 08:01:1182053 0 EOF
  private func isLocked(by pid: Int32) -> Bool {
    var status = stat()
    guard stat(path + "/.staging/lock", &status) == 0,
      let text = SystemSources.text(sources.proc + "/locks")
    else { return kill(pid, 0) == 0 }
    return text.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      return fields.count >= 6 && fields[1] == "FLOCK" && fields[4] == "\(pid)"
        && fields[5].split(separator: ":").last == "\(status.st_ino)"
    }
  }

  /// Nil if nothing of ours is mounted there.
  private func health(of mountpoint: String) -> MountHealth? {
    do throws(MountError) {
      guard sources.mounts?.top(at: mountpoint)?.isTantra == true else { return nil }
      return try MountHealth.probe(mountpoint, limit: .seconds(5))
    } catch {
      return nil
    }
  }

  private func room(of registry: WeightRegistry) -> Diagnosis {
    let name = "free space"
    do throws(StoreError) {
      let volume = try registry.records.volume()
      // As df has it, without what is reserved for root.
      let available = volume.available
      let found = "\(Console.size(available)) of \(Console.size(volume.capacity)) are free where the store is"
      let fix = "remove files that are not needed, or move the store to a larger disk"
      if available < 1 << 20 { return .fail(name, found, fix: fix) }
      return available < 1 << 30 ? .warn(name, found, fix: fix) : .ok(name, found)
    } catch {
      return .fail(name, error.message, fix: "see whether the disk is in order")
    }
  }
}
