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
  package func replace(_ name: String, with bytes: [UInt8], staging: Folder) throws(PosixError) {
    let temporary = "\(name.prefix(64)).\(UInt64.random(in: .min ... .max))"
    let file = try staging.makeFile(temporary, exclusively: true)
    do throws(PosixError) {
      var failure: PosixError?
      bytes.withUnsafeBytes { buffer in
        do throws(PosixError) { try file.write(buffer, at: 0) } catch { failure = error }
      }
      if let failure { throw failure }
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

extension OpenedFile {
  /// The whole content, read until the end.
  ///
  /// - Throws: `EFBIG` if there are more than `limit` bytes.
  package func contents(limit: Int) throws(PosixError) -> [UInt8] {
    let size = try status().size
    guard size <= limit else { throw PosixError(.fileTooLarge, call: "read", path: path) }
    var failure: PosixError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      do throws(PosixError) {
        count = try read(at: 0, into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
