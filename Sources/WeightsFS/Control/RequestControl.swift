import StoreClient
import StoreRecords
import WeightRegistry

/// A control file that takes requests: `active`, `backup`, `cleanup`, `compress`, `config`, `pull`, `purge`,
/// `remove`, `restore`, `tag`, `thaw`, `validate`.
///
/// People write a line and read a report. Programs write and read JSON: what begins with `{` is a ``ControlRequest``, and its
/// report is a ``ControlReply``, errors included. After a line that ends with ` json` (`purge`, `validate`) only the report is JSON.
struct RequestControl: ControlFile {
  let control: ControlRequest.Control
  let registry: WeightRegistry
  private let last = LastReport()

  init(_ control: ControlRequest.Control, _ registry: WeightRegistry) {
    self.control = control
    self.registry = registry
  }

  var name: String { control.rawValue }
  var acceptsRequests: Bool { true }

  /// `active` and `config` read as a line for each model, and policy; the others as their last report.
  func contents() throws(FileSystemError) -> [UInt8] {
    let records = registry.records
    let lines: [String]
    switch control {
    case .active:
      lines = records.models.compactMap { model in records.activeVersion(of: model).map { "\(model)/\($0)\n" } }
    case .config:
      let storeWide = records.storeWidePolicies.values
      let common = PolicyKey.allCases.compactMap { key in storeWide[key].map { "all \(key.rawValue) \($0)\n" } }
      lines =
        common
        + records.models.flatMap { model in
          let policies = records.policies(of: model)
          return PolicyKey.allCases.map { "\(model) \($0.rawValue) \(policies[$0])\n" }
        }
    case .backup, .cleanup, .compress, .pull, .purge, .remove, .restore, .tag, .thaw, .validate: return last.contents
    }
    return Array(lines.joined().utf8)
  }

  func perform(
    _ text: String, by caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(ControlFailure) -> [UInt8] {
    let isProgram = text.hasPrefix("{")
    let wantsRecords = !isProgram && [.purge, .validate].contains(control) && text.hasSuffix(" json")
    let line = wantsRecords ? String(text.dropLast(" json".count)) : text
    let reply: ControlReply
    let report: [UInt8]
    do throws(StoreError) {
      let request = try ControlRequest(written: line, to: control)
      reply = try request.perform(on: registry, by: Actor(caller)) { _, _, _ in
        !isInterrupted()
      }
      let body = wantsRecords ? try reply.records : Array(reply.text.utf8)
      let kept = control == .active ? body : last.keep(body, target: isProgram ? request.text : line, caller: caller)
      report = isProgram ? try StoreCoding.encode(reply, pretty: false) : kept
    } catch {
      throw ControlFailure(FileSystemError(error), report: isProgram ? Self.report(of: error) : nil)
    }
    guard reply.damaged.isEmpty else {
      let names = reply.damaged.map { "\($0.model)/\($0.version)" }.joined(separator: ", ")
      throw ControlFailure(FileSystemError(.badMessage, "validation failed: \(names)"), report: report)
    }
    return report
  }

  /// What a program reads of an error; nil if it cannot be written.
  private static func report(of error: StoreError) -> [UInt8]? {
    do throws(StoreError) {
      return try StoreCoding.encode(ControlReply.refused(error: ControlError(error)), pretty: false)
    } catch {
      return nil
    }
  }
}

extension ControlReply {
  /// What was found or done as JSON that people can read, for requests that end with ` json`.
  fileprivate var records: [UInt8] {
    get throws(StoreError) {
      switch self {
      case .purged(let report): try StoreCoding.encode(report, pretty: true)
      case .validated(let reports): try StoreCoding.encode(reports, pretty: true)
      default: try StoreCoding.encode(self, pretty: true)
      }
    }
  }
}
