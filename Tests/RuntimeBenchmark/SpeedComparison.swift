import CMambaKernels
import Dispatch
import Foundation
import TantraRuntime
import Tensors

/// Speeds of one model, here and in transformers, measured in turns.
struct SpeedComparison {
  private let model: LoadedModel
  private let threads: Int
  private let tokens: Int
  private static let promptLength = 4096
  private static let rounds = 5

  init(_ model: LoadedModel, threads: Int, tokens: Int) {
    self.model = model
    self.threads = threads
    self.tokens = tokens
  }

  func report(python: String, prefills: Bool) throws {
    let folder = String(model.weightFile.prefix(upTo: model.weightFile.lastIndex(of: "/") ?? model.weightFile.endIndex))
    let other = try Transformers(
      python: python, folder: folder, threads: threads, tokens: min(tokens, 100), promptLength: Self.promptLength)
    let session = try MambaSession(model.weights, threads: threads)
    let configuration = model.weights.configuration
    let vocabulary = Int32(configuration.vocabularySize)
    let prompt = (0..<Int32(Self.promptLength)).map { $0 &* 7919 % vocabulary }
    try session.prefill(Array(prompt[..<64]))
    _ = try other.measure(.decode)
    let memory = try Memory.now()
    let file = try Data(contentsOf: URL(fileURLWithPath: model.weightFile), options: .alwaysMapped)
    // Of embeddings that are not the head as well, decoding reads a single row.
    let unread =
      configuration.tiesEmbeddings
      ? 0 : model.weights.tensors.first { $0.name.hasPrefix("backbone.embedding") }?.byteCount ?? 0
    let perToken = Double(file.count - unread)

    var read: [Double] = []
    var ours: [Double] = []
    var theirs: [Double] = []
    for _ in 0..<Self.rounds {
      read.append(bandwidth(file))
      ours.append(
        Double(tokens) / (try seconds { for index in 0..<tokens { try session.feed(prompt[index % prompt.count]) } }))
      theirs.append(try other.measure(.decode))
    }
    print("\(model.weightFile), \(file.count) bytes, \(threads) thread(s), \(instructionSet)")
    print("read          GB/s:     \(list(read.map { $0 / 1e9 }))")
    print("decode        tokens/s: \(list(ours))")
    print("transformers  tokens/s: \(list(theirs))")
    print("ratio of medians \(format(median(ours) / median(theirs))), of the best \(format(best(ours) / best(theirs)))")
    let shares = zip(ours, read).map { 100 * $0 * perToken / $1 }
    print("share of the bandwidth read in the same round, %: \(list(shares))")
    if prefills {
      var mine: [Double] = []
      for _ in 0..<2 { mine.append(Double(Self.promptLength) / (try seconds { try session.prefill(prompt) })) }
      let transformers = try other.measure(.prefill)
      print("prefill of \(Self.promptLength), tokens/s: \(list(mine)); transformers \(format(transformers))")
      print("ratio \(format(best(mine) / transformers))")
    }
    print("resident, MB: \(memory); transformers \(format(try other.measure(.memory) / 1e6)) at most")
    try other.finish()
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body) / .seconds(1)
  }

  /// Bytes a second of reading all of `file` once, the best of three, with as many threads as decoding has.
  private func bandwidth(_ file: Data) -> Double {
    file.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      // An address has no owner, so threads may share it; the bytes stay while this closure runs.
      let address = UInt(bitPattern: base)
      let (count, threads) = (bytes.count, threads)
      return (0..<3).map { _ in
        Double(count)
          / seconds {
            DispatchQueue.concurrentPerform(iterations: threads) { part in
              let (start, end) = (count * part / threads / 64 * 64, count * (part + 1) / threads / 64 * 64)
              if tantra_read(UnsafeRawPointer(bitPattern: address + UInt(start)), end - start) == 1 { print("") }
            }
          }
      }.max() ?? 0
    }
  }

  private func best(_ values: [Double]) -> Double { values.max() ?? .nan }
  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
  private func format(_ value: Double) -> String { String(format: value < 1000 ? "%.1f" : "%.0f", value) }
  private func list(_ values: [Double]) -> String { values.map(format).joined(separator: " ") }

  private var instructionSet: String {
    var index: Int32 = 0
    var best = ""
    while let name = tantra_instruction_set(index) {
      best = String(cString: name)
      index += 1
    }
    return best
  }
}
