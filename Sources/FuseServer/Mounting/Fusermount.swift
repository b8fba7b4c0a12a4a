import PosixIO

/// fusermount3, the set-uid program by which ordinary users mount and unmount.
package enum Fusermount {
  private static let name = "fusermount3"

  /// Where it is looked for: where libfuse looks, and then in PATH.
  package static var folders: [String] {
    ["/usr/bin", "/bin"] + ChildProgram.searchPath
  }

  /// Where it is; nil if nowhere.
  static var path: String? { path(in: folders) }

  /// The first of the folders' programs of that name; nil if none has one.
  package static func path(in folders: [String]) -> String? { ChildProgram.find(name, in: folders) }

  static func unmount(_ mountpoint: String, lazily: Bool) throws(UnmountError) {
    guard let path else { throw .fusermountMissing }
    let arguments = ["-u"] + (lazily ? ["-z"] : []) + ["--", mountpoint]
    let result: ChildProgram.End
    do throws(PosixError) {
      result = try ChildProgram.run(path, arguments, name: name)
    } catch {
      throw .failed(mountpoint, reason: error.description)
    }
    guard result.status != 0 else { return }
    // It does not set a locale: its words are strerror's English ones.
    if result.output.contains("busy") { throw .busy(mountpoint) }
    throw .failed(mountpoint, reason: result.output.split(whereSeparator: \.isNewline).joined(separator: "; "))
  }
}
