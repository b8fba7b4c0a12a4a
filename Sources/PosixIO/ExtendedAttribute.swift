import CPosix
import Glibc
import SystemPackage

/// Extended attributes of files, by path.
package enum ExtendedAttribute {
  /// A value, or as much of it as fits into 64 KiB, which is all that Linux keeps. `ENODATA` if there is none of that name.
  package static func value(_ name: String, of path: String) throws(PosixError) -> [UInt8] {
    try [UInt8](upTo: 1 << 16) { (buffer) throws(PosixError) in
      try systemCall("getxattr", path) { tantra_get_attribute(path, name, buffer.baseAddress, buffer.count) }
    }
  }

  /// Gives an open file an attribute without a value.
  ///
  /// - Returns: 0, or errno.
  package static func mark(_ descriptor: CInt, _ name: String) -> CInt {
    tantra_set_attribute(descriptor, name, nil, 0) == 0 ? 0 : errno
  }
}

extension OpenedFile {
  /// `fsetxattr(2)`.
  package func setExtendedAttribute(_ name: String, to value: [UInt8]) throws(PosixError) {
    try durableCall("fsetxattr", path) {
      value.withUnsafeBytes { tantra_set_attribute(descriptor.rawValue, name, $0.baseAddress, $0.count) }
    }
  }
}
