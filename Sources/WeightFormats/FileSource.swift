package import PosixIO

/// The bytes of an open file, whose size is taken when this is made.
package struct FileSource: ByteSource {
  private let file: OpenedFile
  package let byteCount: Int

  package init(_ file: OpenedFile) throws(PosixError) {
    self.file = file
    byteCount = try file.status().size
  }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError) {
    let count: Int
    do throws(PosixError) {
      count = try file.read(at: offset, into: buffer)
    } catch {
      throw FormatError(.unreadable, error.description)
    }
    guard count == buffer.count else {
      throw FormatError(.truncated, "expected \(buffer.count) bytes at offset \(offset), found \(count)")
    }
  }
}
