import Glibc
import PosixIO

/// What the system has to offer before anything can be mounted.
package enum MountRequirements {
  /// Throws the ``MountError`` that names what is missing.
  package static func check(_ options: MountOptions) throws(MountError) {
    let descriptor = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    if descriptor < 0 {
      let code = errno
      if [ENOENT, ENODEV, ENXIO].contains(code) { throw .noFuseDevice }
      throw .fuseDeviceInaccessible(errno: code)
    }
    close(descriptor)
    guard geteuid() != 0 else { return }
    if Fusermount.path == nil { throw .fusermountMissing }
    if options.allowsOthers, !userMayAllowOthers(configuration: "/etc/fuse.conf") { throw .allowOtherForbidden }
  }

  /// Whether a line of the file says `user_allow_other` (mount.fuse3(8)); not if it cannot be read.
  package static func userMayAllowOthers(configuration path: String) -> Bool {
    do throws(PosixError) {
      let text = String(decoding: try SystemFile.read(path), as: UTF8.self)
      return text.split(whereSeparator: \.isNewline).contains { line in
        line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace) == ["user_allow_other"]
      }
    } catch {
      return false
    }
  }
}
