import Glibc

/// fusermount3, the set-uid program by which ordinary users mount and unmount.
enum Fusermount {
  private static let name = "fusermount3"

  /// Where it is: where libfuse looks for it, and then in PATH; nil if nowhere.
  static var path: String? {
    let folders =
      ["/usr/bin", "/bin"] + (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init)
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
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
