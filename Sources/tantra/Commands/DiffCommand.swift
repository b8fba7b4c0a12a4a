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

  @Argument(help: "Name of the model, or MODEL/VERSION.", completion: StoreCompletion.versionsOfModels) var model:
    String
  @Argument(
    help: "Names of the two versions, or links to them; of the second if the first is given as MODEL/VERSION.",
    completion: StoreCompletion.versions) var versions: [String] = []
  @Flag(help: "Also list the tensors that are the same.") var all = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let difference: VersionDifference
    do {
      difference = try compare()
    } catch {
      guard let failure = error as? CommandFailure ?? CommandFailure(error) else { throw error }
      let isTold = [.interrupted, .usage].contains(failure.status)
      throw CommandFailure(isTold ? failure.status : .couldNotCheck, failure.message)
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
    let (model, words) = try names()
    let records = registry.records
    let (before, after) = (
      try records.version(called: words.before, of: model), try records.version(called: words.after, of: model)
    )
    let bar = ProgressBar("\(model) \(before) \(after)")
    defer { bar.finish() }
    Interruption.watch()
    return try registry.diff(
      of: model, from: before, to: after, progress: Interruption.stopping(bar.handler))
  }

  /// The words of the command line: `mamba v1 v2`, `mamba/v1 v2` or `mamba/v1 mamba/v2`.
  private func names() throws -> (model: ModelName, words: (before: String, after: String)) {
    let first = try VersionArguments.words(model, nil)
    let model = try ModelName(validating: first.model)
    let words = (first.version.map { [$0] } ?? []) + versions
    guard words.count == 2 else {
      throw CommandFailure(.usage, "expected two versions of \(model), as in: tantra diff \(model) v1.0 v1.1")
    }
    let bare = try words.map { word in
      let own = try VersionArguments.words(word, nil)
      // What can name no model is not taken for one.
      guard let version = own.version, ModelName(own.model) != nil else { return word }
      guard own.model == model.text else {
        throw CommandFailure(.usage, "\(word) is of another model than \(model): versions of one model are compared")
      }
      return version
    }
    return (model, (bare[0], bare[1]))
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
