import WeightRegistry

/// A control file whose requests act on the registry and leave a report.
protocol ActingControl: ControlFile {
  var last: LastReport { get }

  /// Carries out a request and answers with its report, without the line that says when, for whom and what.
  func act(
    _ text: String, by actor: Actor, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(StoreError) -> String
}

extension ActingControl {
  var acceptsRequests: Bool { true }

  func contents() throws(FileSystemError) -> [UInt8] { last.contents }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    do throws(StoreError) {
      let report = try act(text, by: Actor(uid: caller.uid, pid: caller.pid), isInterrupted: isInterrupted)
      return last.keep(Array(report.utf8), target: text, caller: caller)
    } catch {
      throw ControlFailure(FileSystemError(error))
    }
  }
}
