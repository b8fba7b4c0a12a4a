import CPosix
import Glibc
import SystemPackage

extension OpenedFile {
  /// Keeps everybody from writing to the file, through descriptors and mappings that are open already, too, or lets them again
  /// (`FS_IMMUTABLE_FL`, as `chattr +i` does). A file that is immutable cannot be renamed, linked or removed.
  ///
  /// - Throws: `EPERM` without CAP_LINUX_IMMUTABLE; `EOPNOTSUPP` or `ENOTTY` where the file system has no such flag.
  package func setImmutable(_ isImmutable: Bool) throws(PosixError) {
    try durableCall("ioctl", path) { tantra_set_immutable(descriptor.rawValue, isImmutable ? 1 : 0) }
  }

  /// Whether the file is immutable; false where the file system has no such flag.
  package var isImmutable: Bool { tantra_is_immutable(descriptor.rawValue) == 1 }

  /// Whether somebody has the file open or mapped for writing. Only for a file that is itself open for reading only.
  package var hasWriters: Bool { tantra_has_writers(descriptor.rawValue) != 0 }
}
