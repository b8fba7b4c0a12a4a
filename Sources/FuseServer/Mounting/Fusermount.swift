import Glibc

/// fusermount3, the set-uid program by which ordinary users mount and unmount.
package enum Fusermount {
  private static let name = "fusermount3"

  /// Where it is looked for: where libfuse looks, and then in PATH.
  package static var folders: [String] {
    ["/usr/bin", "/bin"] + (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init)
  }

  /// Where it is; nil if nowhere.
  static var path: String? { path(in: folders) }

  /// The first of the folders' programs of that name; nil if none has one.
  package static func path(in folders: [String]) -> String? {
    folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  static func unmount(_ mountpoint: String, lazily: Bool) throws(UnmountError) {
    guard let path else { throw .fusermountMissing }
    let arguments = [name, "-u"] + (lazily ? ["-z"] : []) + ["--", mountpoint]
    let result: HelperProgram.Result
    do throws(HelperProgram.Failure) {
      result = try HelperProgram.run(path, arguments)
    } catch {
      throw .failed(mountpoint, reason: "\(path): \(MountError.text(error.errno))")
    }
    guard result.status != 0 else { return }
    // It does not set a locale: its words are strerror's English ones.
    if result.output.contains("busy") { throw .busy(mountpoint) }
    throw .failed(mountpoint, reason: result.output.split(whereSeparator: \.isNewline).joined(separator: "; "))
  }
}
