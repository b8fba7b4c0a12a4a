import ArgumentParser
import Glibc
import StoreRecords
import Tensors
import WeightRegistry

/// `tantra diff MODEL A B`
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show which tensors two versions of a model do not share.",
    discussion: """
      Tensors are compared by digest, without reading them. Of changed tensors of 16, 32 and 64 bit floats, which are \
      read, it shows ||B - A|| / ||A|| (L2 norms over the whole tensor, in double precision), the largest absolute \
      difference, and how many elements changed; NaN and infinities are counted apart. Files that travel with the \
      versions (config.json) are compared too.

      Exit codes, as of diff(1): 0 the same, 1 different, 2 could not compare; 64 wrong usage.
      """)

  @Argument(help: "Name of the model.", completion: StoreCompletion.models) var model: String
  @Argument(help: "Name of the first version.", completion: StoreCompletion.versions) var before: String
  @Argument(help: "Name of the second version.", completion: StoreCompletion.versions) var after: String
  @Flag(help: "Also list the tensors that are the same.") var all = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let difference: VersionDifference
    do {
      difference = try compare()
    } catch {
      guard let failure = error as? CommandFailure ?? CommandFailure(error) else { throw error }
      throw CommandFailure(failure.status == .interrupted ? .interrupted : .couldNotCheck, failure.message)
    }
    if json {
      var listed = difference
      if !all { listed.tensors.removeAll { $0.change == .same } }
      try Console.print(json: Report(difference: listed, counts: .init(difference), identical: difference.isEmpty))
    } else {
      Console.print(text(of: difference))
    }
    if !difference.isEmpty { throw ExitCode(CommandFailure.Status.failed.rawValue) }
  }

  private struct Report: Encodable {
    struct Counts: Encodable {
      var same, changed, retyped, added, removed: Int
      init(_ difference: VersionDifference) {
        same = difference.count(.same)
        changed = difference.count(.changed)
        retyped = difference.count(.retyped)
        added = difference.count(.added)
        removed = difference.count(.removed)
      }
    }
    var difference: VersionDifference
    var counts: Counts
    var identical: Bool
  }

  private func compare() throws -> VersionDifference {
    let registry = try store.openForReading()
    let model = try ModelName(validating: model)
    let (before, after) = (try VersionName(validating: before), try VersionName(validating: after))
    let bar = ProgressBar("\(model) \(before) \(after)")
    defer { bar.finish() }
    Interruption.watch()
    return try registry.diff(
      of: model, from: before, to: after, progress: Interruption.stopping(bar.handler))
  }

  private func text(of difference: VersionDifference) -> String {
    let shown = difference.tensors.filter { all || $0.change != .same }
    var lines: [String] = []
    if !shown.isEmpty {
      lines.append(
        Console.table(
          ["CHANGE", "TENSOR", "TYPE AND SHAPE", "RELATIVE L2", "LARGEST", "ELEMENTS"], shown.map { row(of: $0) },
          givingUp: ["TYPE AND SHAPE", "ELEMENTS", "LARGEST"]))
    }
    lines += difference.files.map { "\($0.change.rawValue)  file \($0.path)" }
    let counts = Report.Counts(difference)
    var summary =
      "\(difference.model) \(difference.before) -> \(difference.after): \(difference.tensors.count) tensors, "
      + "\(counts.same) same, \(counts.changed) changed, \(counts.retyped) retyped, \(counts.added) added, "
      + "\(counts.removed) removed"
    if !difference.files.isEmpty {
      summary += "; \(difference.files.count) \(difference.files.count == 1 ? "file differs" : "files differ")"
    }
    lines.append(summary)
    return lines.joined(separator: "\n")
  }

  private func row(of tensor: VersionDifference.Tensor) -> [String] {
    func describe(_ side: VersionDifference.Side) -> String { "\(side.dtype.rawValue) \(side.shape)" }
    let sides = [tensor.before, tensor.after].compactMap { $0 }.map(describe)
    let type = sides.count == 2 && sides[0] != sides[1] ? sides.joined(separator: " -> ") : sides.first ?? ""
    guard let distance = tensor.distance else { return [tensor.change.rawValue, tensor.name, type, "", "", ""] }
    let special = distance.nonFiniteElements == 0 ? "" : ", \(Console.grouped(distance.nonFiniteElements)) not finite"
    return [
      tensor.change.rawValue, tensor.name, type, distance.relativeNorm.map(short) ?? "-",
      distance.largest.map(short) ?? "-", Console.grouped(distance.changedElements) + special,
    ]
  }

  /// Four significant digits: `0.01234`, `1.234e-05`.
  private func short(_ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 32)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.4g", $0) }
    guard count > 0, count < buffer.count else { return "\(value)" }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
