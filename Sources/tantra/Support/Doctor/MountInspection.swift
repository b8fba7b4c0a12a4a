import FuseServer

/// Checks the mounts of ours that this process sees.
struct MountInspection {
  let sources: SystemSources

  /// One diagnosis for each mount; if there is none, one that says so.
  var diagnoses: [Diagnosis] {
    guard let mounts = sources.mounts?.tantraMounts else {
      return [
        .warn(
          "mounts", "\(sources.mountinfo) cannot be read", fix: "mount the proc file system: mount -t proc proc /proc")
      ]
    }
    return mounts.isEmpty ? [.ok("mounts", "none")] : mounts.map(diagnose)
  }

  private func diagnose(_ mount: MountEntry) -> Diagnosis {
    let name = "mount"
    let path = mount.mountpoint
    let health: MountHealth
    do throws(MountError) {
      health = try MountHealth.probe(path, limit: .seconds(5))
    } catch {
      return .warn(name, "\(path): \(error.description)", fix: "end programs that are not needed")
    }
    return switch health {
    case .alive: .ok(name, "\(path) answers")
    case .unknown: .ok(name, "\(path) is another user's\(mount.ownerUID.map { " (\($0))" } ?? ""), for that user only")
    case .dead:
      .fail(
        name, "\(path) is dead: its daemon has ended without unmounting, and every access fails",
        fix: "tantra unmount \(path), or tantra mount \(path), which clears it away")
    case .unresponsive:
      .fail(
        name, "\(path) does not answer within 5 seconds: its daemon is stopped, or waits for a disk",
        fix: "continue or end its process, then tantra unmount --lazy \(path)")
    }
  }
}
