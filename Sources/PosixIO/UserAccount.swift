import Glibc

/// What this machine knows of a user.
package enum UserAccount {
  /// `ada (1000)`; the number alone for a user whom this machine does not know. For people: it may ask a server for the name.
  package static func text(_ uid: UInt32) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { buffer in
      guard let start = buffer.baseAddress, getpwuid_r(uid, &entry, start, buffer.count, &found) == 0, found != nil,
        let name = entry.pw_name
      else { return String(uid) }
      return "\(String(cString: name)) (\(uid))"
    }
  }
}
