import Foundation
import Synchronization
import TantraRuntime
import TestSupport
import Testing

@Suite(canMount, .onWaitingThreads) struct RuntimeSwitchingTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model") }

  /// Who answered, and what.
  private struct Answer: Hashable, Sendable {
    var version: String
    var text: String
  }

  /// Counts the requests that several tasks make together.
  private final class Requests: Sendable {
    private let made = Atomic(0)

    /// Whether there is another to be made.
    func next() -> Bool { made.add(1, ordering: .relaxed).oldValue < 200 }
    var areMade: Bool { made.load(ordering: .relaxed) >= 200 }
  }

  private static func ask(_ runtime: TextRuntime) throws -> Answer {
    var options = SamplingOptions()
    options.maximumTokens = 40
    options.temperature = 0.8
    options.seed = 3
    var generation = try runtime.generate("And the king said", options: options)
    var text = ""
    while let piece = try generation.next() { text += piece }
    return Answer(version: generation.model.resolved, text: text)
  }

  @Test func twoHundredRequestsAreAnsweredByOneVersionEachWhileActiveMoves() async throws {
    try fixture.succeed("set-active", "mamba", "v1.1")
    try fixture.mount()
    // The mount has to stay until nothing reads from it any more.
    defer { withExtendedLifetime(fixture) {} }
    let folder = fixture.mountpoint + "/mamba"
    let expected = try ["v1.0", "v1.1"].map { version in
      try Self.ask(try TextRuntime(try ModelLocation("\(folder)/\(version)")) { _ in })
    }
    #expect(expected[0].text != expected[1].text)

    let warnings = Mutex<[String]>([])
    let runtime = try TextRuntime(try ModelLocation(folder + "/active")) { text in
      warnings.withLock { $0.append(text) }
    }
    let requests = Requests()
    let answers = try await withThrowingTaskGroup(of: [Answer].self) { group in
      group.addTask {
        for turn in 0... {
          guard !requests.areMade else { break }
          let moved = try Command.run("ln", ["-sfn", turn % 2 == 0 ? "v1.0" : "v1.1", folder + "/active"])
          #expect(moved.status == 0, "\(moved.errorText)")
        }
        return []
      }
      for _ in 0..<2 {
        group.addTask {
          var answers: [Answer] = []
          while requests.next() { answers.append(try Self.ask(runtime)) }
          return answers
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(answers.count == 200)
    #expect(Set(answers) == Set(expected))
    let switches = zip(answers, answers.dropFirst()).count { $0.version != $1.version }
    #expect(switches > 5, "\(switches)")
    #expect(warnings.withLock { $0 } == [])
  }
}
