/// A file of `.control`. A new one is a new type and one line in ``ControlFileCatalogue``.
protocol ControlFile: Sendable {
  /// `active`.
  var name: String { get }

  /// Whether requests may be written.
  var acceptsRequests: Bool { get }

  /// What a reader gets: a state that is cheap to tell, or the report of the last request.
  func contents() throws(FileSystemError) -> [UInt8]

  /// Acts on a request and answers with its report.
  ///
  /// - Parameters:
  ///   - text: what was written, without white space around it.
  ///   - isInterrupted: whether the writer has been sent a signal meanwhile.
  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8]
}

extension ControlFile {
  var acceptsRequests: Bool { false }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    throw ControlFailure(FileSystemError(.readOnlyFile, ".control/\(name) can only be read"))
  }
}

/// A request that ended in an error; some have a report all the same.
struct ControlFailure: Error {
  var error: FileSystemError
  var report: [UInt8]

  init(_ error: FileSystemError, report: [UInt8]? = nil) {
    self.error = error
    self.report = report ?? Array("\(error.reason)\n".utf8)
  }
}
