import CMambaKernels
import Foundation
import TantraRuntime

/// Speeds of one model, here and in transformers.
struct SpeedComparison {
  private struct Other: Decodable {
    var decode: Double
    var prefill: Double
  }

  private let model: LoadedModel
  private let threads: Int
  private let tokens: Int
  private static let promptLength = 4096

  init(_ model: LoadedModel, threads: Int, tokens: Int) {
    self.model = model
    self.threads = threads
    self.tokens = tokens
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(body) / .seconds(1)
  }

  func report(python: String) throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: model.weightFile), options: .alwaysMapped)
    let session = try MambaSession(model.weights, threads: threads)
    let vocabulary = Int32(model.weights.configuration.vocabularySize)
    let prompt = (0..<Int32(Self.promptLength)).map { $0 &* 7919 % vocabulary }
    var read = Double.infinity
    var decode = Double.infinity
    var prefill = Double.infinity
    var checksum: UInt64 = 0
    try session.prefill(Array(prompt[..<64]))
    for _ in 0..<5 {
      file.withUnsafeBytes { bytes in
        read = min(read, seconds { checksum ^= tantra_read(bytes.baseAddress, bytes.count) })
      }
      decode = min(
        decode, try seconds { for index in 0..<tokens { try session.feed(prompt[index % prompt.count]) } })
      prefill = min(prefill, try seconds { try session.prefill(prompt) })
    }
    let bandwidth = Double(file.count) / read
    // Of the embeddings, decoding reads a single row; a tied head is the embeddings, read once.
    let perSecond = Double(tokens) / decode
    let promptRate = Double(Self.promptLength) / prefill
    print("\(model.weightFile), \(file.count) bytes, \(threads) thread(s), \(instructionSet)")
    print(String(format: "read     %8.1f GB/s with one thread (%llx)", bandwidth / 1e9, checksum))
    print(
      String(
        format: "decode   %8.1f tokens/s, %.1f GB/s, %.0f%% of what reading reaches", perSecond,
        perSecond * Double(file.count) / 1e9, 100 * perSecond * Double(file.count) / bandwidth))
    print(String(format: "prefill  %8.1f tokens/s", promptRate))

    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: python)
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Oracles/mamba_speed.py").path
    let folder = String(model.weightFile.prefix(upTo: model.weightFile.lastIndex(of: "/") ?? model.weightFile.endIndex))
    process.arguments = [script, folder, "--threads", "\(threads)", "--tokens", "\(min(tokens, 100))"]
    process.standardOutput = output
    try process.run()
    let other = try JSONDecoder().decode(Other.self, from: output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    print(String(format: "transformers: decode %.1f tokens/s, prefill %.1f tokens/s", other.decode, other.prefill))
    print(String(format: "ratio: decode %.1f, prefill %.1f", perSecond / other.decode, promptRate / other.prefill))
  }

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
