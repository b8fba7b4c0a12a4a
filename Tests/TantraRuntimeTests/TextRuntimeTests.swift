import Foundation
import Synchronization
import TantraRuntime
import TestSupport
import Testing

@Suite struct TextRuntimeTests {
  private let checkpoint: MambaCheckpoint
  private let runtime: TextRuntime

  init() throws {
    checkpoint = try MambaCheckpoint()
    runtime = try TextRuntime(try ModelLocation(checkpoint.folder.path)) { _ in }
  }

  private func text(_ prompt: String, _ change: (inout SamplingOptions) -> Void = { _ in }) throws -> (
    text: String, ending: TextGeneration.Ending?
  ) {
    var options = SamplingOptions()
    options.maximumTokens = 40
    change(&options)
    var generation = try runtime.generate(prompt, options: options)
    var text = ""
    while let piece = try generation.next() { text += piece }
    return (text, generation.ending)
  }

  @Test func theSameSeedGivesTheSameText() throws {
    func sample(_ seed: UInt64) throws -> String {
      try text("In the beginning") { options in
        // Random weights with tied embeddings repeat the last byte unless they are shaken.
        options.temperature = 10
        options.topK = 100
        options.topP = 0.95
        options.repetitionPenalty = 1.1
        options.seed = seed
      }.text
    }
    #expect(try sample(1) == sample(1))
    #expect(try sample(1) != sample(2))
  }

  @Test func drawingFromTheBestTokenOnlyIsGreedy() throws {
    let greedy = try text("In").text
    #expect(try text("In") { ($0.temperature, $0.topK, $0.seed) = (1, 1, 5) }.text == greedy)
    #expect(try text("In") { ($0.temperature, $0.topP, $0.seed) = (1, 1e-6, 5) }.text == greedy)
  }

  @Test func aStopStringEndsTheTextBeforeItself() throws {
    let whole = try text("In").text
    let stop = String(Array(whole)[5..<8])
    let found = try #require(whole.range(of: stop))
    let stopped = try text("In") { $0.stopStrings = [stop, "never"] }
    #expect(stopped.text == whole[..<found.lowerBound] && stopped.ending == .stopString)
  }

  @Test func piecesOfAStreamMakeTheText() async throws {
    var options = SamplingOptions()
    options.maximumTokens = 40
    var pieces: [String] = []
    for try await piece in try runtime.stream("In", options: options) { pieces.append(piece) }
    #expect(try pieces.joined() == text("In").text)
    #expect(pieces.count > 1)
  }

  @Test func promptsOfNoneAndOfManyBytesAreAnswered() throws {
    #expect(try text("").ending != nil)
    #expect(try text(String(repeating: "abcde", count: 20_000)) { $0.maximumTokens = 2 }.ending != nil)
    #expect(try text("In") { $0.maximumTokens = 0 }.text == "")
  }

  @Test(
    arguments: [
      { (options: inout SamplingOptions) in options.temperature = -1 }, { $0.temperature = .nan },
      { $0.temperature = .infinity }, { $0.topK = 0 }, { $0.topP = 0 }, { $0.topP = 1.01 }, { $0.topP = .nan },
      { $0.repetitionPenalty = 0 }, { $0.repetitionPenalty = -.infinity }, { $0.stopStrings = [""] },
      { $0.maximumTokens = -1 },
    ] as [@Sendable (inout SamplingOptions) -> Void])
  func optionsOutOfRangeAreRefused(_ change: @Sendable (inout SamplingOptions) -> Void) throws {
    let error = #expect(throws: RuntimeError.self) { try text("In", change) }
    #expect(error?.code == .usage)
  }

  @Test func eachRequestIsOneVersionsAnswerWhileActiveMoves() async throws {
    let root = try TemporaryFolder()
    let other = try MambaCheckpoint(MambaCheckpoint.small.merging(["num_hidden_layers": "3"]) { $1 })
    try FileManager.default.copyItem(atPath: checkpoint.folder.path, toPath: root("a"))
    try FileManager.default.copyItem(atPath: other.folder.path, toPath: root("b"))
    try FileManager.default.createDirectory(atPath: root("bad"), withIntermediateDirectories: false)
    @Sendable func activate(_ version: String) throws {
      let next = root("next-\(UUID().uuidString)")
      try FileManager.default.createSymbolicLink(atPath: next, withDestinationPath: version)
      try #require(rename(next, root("active")) == 0)
    }
    @Sendable func answer(_ runtime: TextRuntime) throws -> (String, String) {
      var options = SamplingOptions()
      options.maximumTokens = 30
      options.temperature = 10
      options.seed = 1
      var generation = try runtime.generate("In the beginning", options: options)
      var text = ""
      while let piece = try generation.next() { text += piece }
      return (generation.model.resolved, text)
    }
    try activate("a")
    let warnings = Mutex<[String]>([])
    let shared = try TextRuntime(try ModelLocation(root("active"))) { text in warnings.withLock { $0.append(text) } }
    let a = try answer(try TextRuntime(try ModelLocation(root("a"))) { _ in })
    let b = try answer(try TextRuntime(try ModelLocation(root("b"))) { _ in })
    #expect(a.1 != b.1)

    let answers = try await withThrowingTaskGroup(of: (String, String).self) { group in
      for request in 0..<200 {
        group.addTask {
          if request % 5 == 0 { try activate(request % 10 == 0 ? "b" : "a") }
          return try answer(shared)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count == 200)
    #expect(answers.allSatisfy { $0 == a || $0 == b })
    #expect(Set(answers.map(\.0)).count == 2)
    #expect(warnings.withLock { $0 } == [])

    try activate("a")
    #expect(try answer(shared) == a)
    try activate("bad")
    #expect(try answer(shared) == a)
    #expect(try answer(shared) == a)
    let told = warnings.withLock { $0 }
    #expect(
      told.count == 1 && told[0].contains("/bad cannot be used") && told[0].hasSuffix("/a stays in use"), "\(told)")
    try activate("b")
    #expect(try answer(shared) == b)
  }
}
