import Glibc

/// What processes have open, as far as this process may know: `/proc/<pid>/fd`.
package enum OpenDescriptors {
  /// Whether somebody has a file open whose path ends in `end`. What cannot be looked at counts as closed.
  package static func contain(pathsEndingIn end: String) -> Bool {
    names(in: "/proc").contains { process in
      guard process.allSatisfy(\.isNumber) else { return false }
      let folder = "/proc/\(process)/fd"
      return names(in: folder).contains { target(of: "\(folder)/\($0)").hasSuffix(end) }
    }
  }

  private static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func target(of link: String) -> String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
