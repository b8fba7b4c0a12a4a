import StoreRecords
import Synchronization

/// The report of the last request to a control file: what those who only read it see.
final class LastReport: Sendable {
  private let text = Mutex<[UInt8]>([])

  var contents: [UInt8] { text.withLock { $0 } }

  /// Puts time, user and target before a report, keeps it, and answers with it.
  func keep(_ report: [UInt8], target: String, caller: Caller) -> [UInt8] {
    let whole = Array("\(Timestamp.text(Timestamp.now())) uid \(caller.uid) \(target)\n".utf8) + report
    text.withLock { $0 = whole }
    return whole
  }
}
