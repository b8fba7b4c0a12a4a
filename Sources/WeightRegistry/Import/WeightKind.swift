package import PosixIO
package import StoreRecords
package import WeightFormats

/// How a weight file is kept.
package enum WeightKind: Sendable {
  case read
  case unread(OpaqueFormat)

  /// What a file is, as far as its beginning and headers tell; nil if it is no weight file.
  ///
  /// - Throws: `unacceptable` if it is cut off.
  package init?(of file: OpenedFile, named name: String) throws(StoreError) {
    if let format = try OpaqueFormat.format(of: file, named: name) {
      self = .unread(format)
      return
    }
    let source = try posix(try FileSource(file))
    do throws(FormatError) {
      _ = try WeightFormatCatalogue.parse(source)
      self = .read
    } catch {
      if [.truncated, .unreadable].contains(error.code) { throw StoreError(error, file: name) }
      return nil
    }
  }

  /// What the file at a path is; nil if it is no weight file.
  ///
  /// - Throws: `unacceptable` if it is cut off.
  package init?(at path: String) throws(StoreError) {
    try self.init(of: try posix(try OpenedFile.open(path)), named: path)
  }

  /// nil for one that is read.
  var opaque: OpaqueFormat? { if case .unread(let format) = self { format } else { nil } }
}

extension OpaqueFormat {
  /// The format of a file that is kept unread; nil for others.
  ///
  /// - Parameter name: its name, whose extension says what it may be.
  package static func format(of file: OpenedFile, named name: String) throws(StoreError) -> Self? {
    let source = try posix(try FileSource(file))
    return try parsing(name, try format(of: source, named: name))
  }
}
