import FuseServer
import Glibc

/// Checks what the system offers: FUSE, limits, the kernel.
struct SystemInspection {
  let sources: SystemSources
  private var isRoot: Bool { geteuid() == 0 }

  var diagnoses: [Diagnosis] {
    [device, kernelModule, fusermount, otherUsers, passthrough, openFiles, pipeSize, pageSize]
  }

  private var device: Diagnosis {
    let name = "fuse device"
    let path = sources.fuseDevice
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      let reason = String(cString: strerror(code))
      if [ENOENT, ENODEV, ENXIO].contains(code) {
        return .fail(
          name, "\(path): \(reason)",
          fix: "load the module (modprobe fuse); a container needs the device passed in (--device /dev/fuse)")
      }
      return .fail(
        name, "\(path) cannot be opened: \(reason)",
        fix: "chmod 0666 \(path); a container needs the device passed in (--device /dev/fuse)")
    }
    close(descriptor)
    return .ok(name, "\(path) can be opened")
  }

  private var kernelModule: Diagnosis {
    let name = "kernel support"
    let path = sources.proc + "/filesystems"
    guard let text = SystemSources.text(path) else {
      return .warn(name, "\(path) cannot be read", fix: "mount the proc file system: mount -t proc proc /proc")
    }
    let types = text.split(separator: "\n").compactMap { $0.split(whereSeparator: \.isWhitespace).last }
    guard types.contains("fuse") else {
      return .fail(name, "the kernel does not list fuse in \(path)", fix: "load the module: modprobe fuse")
    }
    return .ok(name, "the kernel knows fuse")
  }

  private var fusermount: Diagnosis {
    let name = "fusermount3"
    let folders = sources.fusermountPath.map { $0.split(separator: ":").map(String.init) } ?? Fusermount.folders
    guard let path = Fusermount.path(in: folders) else {
      let fix = "install the package fuse3 (apt-get install fuse3)"
      return isRoot
        ? .warn(name, "it is missing: only root can mount", fix: fix)
        : .fail(name, "it is missing, and without it only root can mount", fix: fix)
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_uid == 0, status.st_mode & S_ISUID != 0 else {
      let found = "\(path) does not run as root (it has no set-uid bit, or another owner)"
      let fix = "chown root \(path) && chmod u+s \(path)"
      return isRoot ? .warn(name, found + ": only root can mount", fix: fix) : .fail(name, found, fix: fix)
    }
    return .ok(name, "\(path), set-uid root")
  }

  private var otherUsers: Diagnosis {
    let name = "other users"
    if MountRequirements.userMayAllowOthers(configuration: sources.fuseConf) {
      return .ok(name, "\(sources.fuseConf) lets everybody use --allow-other")
    }
    if isRoot { return .ok(name, "only root may use --allow-other: \(sources.fuseConf) has no user_allow_other") }
    return .warn(
      name, "tantra mount --allow-other will be refused: \(sources.fuseConf) has no line user_allow_other",
      fix: "as root: echo user_allow_other >> \(sources.fuseConf)")
  }

  /// FUSE passthrough came with Linux 6.9, and needs CAP_SYS_ADMIN.
  private var passthrough: Diagnosis {
    let name = "passthrough"
    let release = sources.kernelReleaseText
    guard let version = KernelRelease(release) else {
      return .warn(name, "the kernel's release \"\(release)\" cannot be read", fix: "mount the proc file system")
    }
    guard version.hasPassthrough else {
      return .warn(
        name, "kernel \(version) cannot hand reads to the file system below: every read goes through the daemon",
        fix: "use Linux 6.9 or newer where speed matters")
    }
    guard sources.isAdministrator else {
      return .warn(
        name, "without CAP_SYS_ADMIN every read goes through the daemon",
        fix: "mount as root where speed matters")
    }
    return .ok(name, "kernel \(version) and CAP_SYS_ADMIN allow it")
  }

  /// A mount keeps one descriptor for each pack and each open file of this process's users.
  private var openFiles: Diagnosis {
    let name = "open files"
    let line = SystemSources.text(sources.proc + "/self/limits")?.split(separator: "\n")
      .first { $0.hasPrefix("Max open files") }
    guard let soft = line?.split(whereSeparator: \.isWhitespace).dropFirst(3).first else {
      return .warn(name, "the limit cannot be read", fix: "mount the proc file system")
    }
    if let limit = Int(soft), limit < 1024 {
      return .warn(
        name, "at most \(limit) files can be open at once",
        fix: "ulimit -n 4096 before tantra mount, or LimitNOFILE=4096 in a systemd unit")
    }
    return .ok(name, "up to \(soft)")
  }

  private var pipeSize: Diagnosis {
    let name = "pipe size"
    let path = sources.proc + "/sys/fs/pipe-max-size"
    guard let text = SystemSources.text(path), let size = Int(text.prefix { $0.isNumber }) else {
      return .warn(name, "\(path) cannot be read", fix: "mount the proc file system")
    }
    guard size >= 1 << 20 else {
      return .warn(
        name, "pipes hold at most \(Console.size(size)): answers are copied instead of spliced",
        fix: "as root: sysctl fs.pipe-max-size=1048576")
    }
    return .ok(name, "up to \(Console.size(size))")
  }

  private var pageSize: Diagnosis {
    let size = sysconf(Int32(_SC_PAGESIZE))
    return .ok("page size", "\(size) bytes")
  }
}
