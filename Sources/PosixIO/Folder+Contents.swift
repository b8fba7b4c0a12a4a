import SystemPackage

extension Folder {
  /// The whole content of the file `name`.
  ///
  /// - Throws: `EFBIG` if it has more than `limit` bytes.
  package func contents(of name: String, limit: Int) throws(PosixError) -> [UInt8] {
    try file(name).contents(limit: limit)
  }

  /// Replaces the file `name` by `bytes`: readers see the old content or the new one, and after a crash so does the disk.
  ///
  /// Writes a temporary file into `staging` (on the same file system), forces it to disk, renames it, and forces this
  /// directory to disk.
  ///
  /// - Parameter permissions: of the file, less the umask.
  package func replace(
    _ name: String, with bytes: [UInt8], staging: Folder, permissions: UInt32 = 0o644
  ) throws(PosixError) {
    let temporary = "\(name.prefix(64)).\(UInt64.random(in: .min ... .max))"
    let file = try staging.makeFile(temporary, exclusively: true, permissions: permissions)
    do throws(PosixError) {
      try file.write(bytes, at: 0)
      try file.synchronize()
      try staging.rename(temporary, to: name, in: self)
    } catch {
      do throws(PosixError) {
        try staging.removeFile(temporary)
      } catch {
        // It is swept when the store is next opened for writing.
      }
      throw error
    }
    try synchronize()
  }
}
