import Glibc
import SystemPackage

extension Folder {
  /// Removes the empty directory `name`; nothing there is no error.
  ///
  /// - Throws: `ENOTEMPTY`.
  package func removeFolder(_ name: String) throws(PosixError) {
    do throws(PosixError) {
      try durableCall("unlinkat", path + "/" + name) { unlinkat(descriptor.rawValue, name, AT_REMOVEDIR) }
    } catch  where error.errno == .noSuchFileOrDirectory {
      return
    }
  }
}
