import Foundation
import TantraWeights
import TestSupport
import Testing

/// The examples of the article, as they stand in it.
@Suite struct ArticleTests {
  private let scratch: TemporaryFolder

  init() throws { scratch = try TemporaryFolder() }

  @Test func theExamplesOfTheArticleRun() throws {
    let path = scratch("store")

    // example
    let manager = try WeightManager(store: path, creating: true)

    var weights = StateDict()
    weights["layer.weight"] = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    weights["layer.bias"] = try Tensor([0.5, -0.5])
    try manager.saveWeights(weights, model: "speaker", version: "v1.0")
    // end

    // example
    let loaded = try manager.loadWeights(model: "speaker", version: "v1.0")
    for (name, tensor) in loaded {
      print(name, tensor.dtype.rawValue, tensor.shape, tensor.byteCount)
    }
    let sum = loaded["layer.weight"]?.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 4).reduce(Float(0)) { sum, offset in
        sum + bytes.loadUnaligned(fromByteOffset: offset, as: Float.self)
      }
    }
    // end
    #expect(sum == 21)

    // example
    var tuned = loaded
    tuned["layer.bias"] = try Tensor([0.25, -0.25])
    try manager.saveWeights(tuned, model: "speaker", version: "v1.1", isActive: true)
    // end
    #expect(loaded["layer.bias"]?.floats == [0.5, -0.5])

    // example
    for model in try manager.listModels() {
      for version in try manager.listWeights(model: model) {
        print(model, version.version, version.isActive ? "active" : "", version.parameterCount)
      }
    }
    // end
    #expect(try manager.listWeights(model: "speaker").map(\.isActive) == [false, true])

    // example
    let before = try manager.setActive(model: "speaker", version: "v1.0")
    let restored = try manager.rollback(model: "speaker")
    for change in try manager.history(model: "speaker") {
      print(change.time, change.uid, change.from ?? "-", change.to, change.isRollback)
    }
    let weightsOfUsers = try manager.loadWeights(model: "speaker")
    // end
    #expect(before == "v1.1" && restored == "v1.1")
    #expect(weightsOfUsers["layer.bias"]?.floats == [0.25, -0.25])

    // example
    let validation = try manager.validate(model: "speaker", version: "v1.1")
    if !validation.isValid { print(validation.text) }
    // end
    #expect(validation.isValid && validation.checks.contains { $0.name == "model.pt" && $0.outcome == .passed })

    // example
    try manager.saveWeights(loaded, model: "speaker", version: "v1.2")
    try manager.backup(model: "speaker", version: "v1.0")
    let removed = try manager.cleanup(model: "speaker", keep: 2)
    try manager.restore(model: "speaker", version: "v1.2")
    let result = try manager.purge(olderThan: 30 * 86_400)
    // end
    #expect(removed == ["v1.2"] && result.purged.isEmpty)

    try refusal(manager, tuned)
  }

  /// Apart, because the compiler (6.3.1) crashes on one function that holds all examples.
  private func refusal(_ manager: WeightManager, _ tuned: StateDict) throws {
    // example
    do {
      try manager.saveWeights(tuned, model: "speaker", version: "v1.0")
    } catch {
      print(error.message)
    }
    // end
  }

  @Test func theArticleHoldsTheseExamplesAndNoOthers() throws {
    func lines(_ path: String) throws -> [String] {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      return String(decoding: data, as: UTF8.self).components(separatedBy: "\n")
    }
    /// What stands between lines that begin and end an example, without the lines' common indent.
    func examples(_ lines: [String], from begin: String, to end: String) -> [String] {
      var examples: [String] = []
      var current: [String]?
      for line in lines {
        if current == nil, line == begin {
          current = []
        } else if let block = current, line == end {
          examples.append(block.joined(separator: "\n"))
          current = nil
        } else {
          current?.append(line)
        }
      }
      return examples
    }
    let article = try examples(
      lines(Python.packageRoot + "/Sources/TantraWeights/TantraWeights.docc/UsingAWeightManager.md"), from: "```swift",
      to: "```")
    let code = try lines(#filePath).map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : $0 }
    #expect(article.count == 8)
    #expect(article == examples(code, from: "// example", to: "// end"))
  }
}
