import Glibc

/// Why a file system could not be mounted; the description says what to do.
package enum MountError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The mountpoint is not there, and making it gave this errno.
  case cannotMakeMountpoint(String, errno: CInt)
  /// The mountpoint is there but looking at it gave this errno.
  case cannotReadMountpoint(String, errno: CInt)
  case notADirectory(String)
  case notEmpty(String)
  /// An ordinary user may mount only on folders that it may write to.
  case mountpointNotWritable(String)
  case alreadyMounted(String, ownerUID: UInt32?)
  /// What a dead daemon left behind could not be detached.
  case cannotRecover(String, reason: String)
  case noFuseDevice
  case fuseDeviceInaccessible(errno: CInt)
  case fusermountMissing
  case allowOtherForbidden
  /// mount(2), fusermount3 or the first exchange with the kernel failed; with libfuse's words for it.
  case mountFailed(String, reason: String)
  /// A thread, descriptor or signal handler could not be had.
  case systemResource(String, errno: CInt)

  package var description: String {
    switch self {
    case .cannotMakeMountpoint(let path, let code):
      "\(path) does not exist and cannot be made: \(Self.text(code)). Make it, or name another mountpoint."
    case .cannotReadMountpoint(let path, let code): "\(path) cannot be read: \(Self.text(code))."
    case .notADirectory(let path): "\(path) is not a directory. Name a directory to mount on."
    case .notEmpty(let path):
      "\(path) is not empty, and mounting would hide what is in it. Empty it, or name another mountpoint."
    case .mountpointNotWritable(let path): "\(path) is not writable for you. Name a folder of your own to mount on."
    case .alreadyMounted(let path, let owner):
      "\(path) is already mounted\(owner.map { " by user \($0)" } ?? ""). Unmount it first, or name another mountpoint."
    case .cannotRecover(let path, let reason):
      "\(path) is held by a mount whose daemon is dead, and it could not be detached: \(reason)"
    case .noFuseDevice: "/dev/fuse is missing. Load the module (modprobe fuse), or pass the device to the container."
    case .fuseDeviceInaccessible(let code):
      "/dev/fuse cannot be opened: \(Self.text(code)). It should have mode 0666, and a container needs it passed in."
    case .fusermountMissing: "fusermount3 is missing, without which only root can mount. Install the package fuse3."
    case .allowOtherForbidden:
      "Other users can be let in only if /etc/fuse.conf has a line user_allow_other. Add it, or mount without."
    case .mountFailed(let path, let reason): "Mounting on \(path) failed: \(reason)"
    case .systemResource(let what, let code): "\(what): \(Self.text(code))."
    }
  }

  static func text(_ code: CInt) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "errno \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
