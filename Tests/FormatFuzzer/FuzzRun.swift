import Foundation
import Glibc

/// Gives inputs to a parser, one after the other, and keeps count.
struct FuzzRun {
  let target: FuzzTarget
  let seed: UInt64
  /// Where the state is saved; nil to save none.
  let statePath: String?

  /// Milliseconds of processor time that an input may take.
  static let millisecondLimit = 2000.0

  /// What a run saves, so that it can be taken up again, and what it reports.
  struct State: Codable {
    var target: String
    var seed: UInt64
    /// The number of the next input.
    var next: UInt64 = 0
    var accepted: UInt64 = 0
    var refused: UInt64 = 0
    var seconds = 0.0
    var slowestMilliseconds = 0.0
    var slowestNumber: UInt64 = 0
    /// Numbers of inputs that were described wrongly, or that took too long.
    var failures: [UInt64: String] = [:]
  }

  /// The input of that number.
  func input(_ number: UInt64) -> [UInt8] {
    var numbers = FuzzNumbers(seed: seed, target: target.name, number: number)
    return target.input(&numbers)
  }

  /// Runs `count` inputs beyond those that the state has.
  func run(_ count: UInt64) throws -> State {
    var state = try load() ?? State(target: target.name, seed: seed)
    let clock = ContinuousClock()
    let end = state.next + count
    let before = state.seconds
    let beginning = clock.now
    while state.next < end {
      let number = state.next
      CrashReport.watch(number)
      let bytes = input(number)
      let start = Glibc.clock()
      do {
        if try target.parse(bytes) { state.accepted += 1 } else { state.refused += 1 }
      } catch {
        state.failures[number] = "\(error)"
        print("\(target.name) \(seed) \(number): \(error)")
      }
      let milliseconds = Double(Glibc.clock() - start) / Double(CLOCKS_PER_SEC) * 1000
      if milliseconds > state.slowestMilliseconds {
        state.slowestMilliseconds = milliseconds
        state.slowestNumber = number
      }
      if milliseconds > Self.millisecondLimit { state.failures[number] = "took \(Int(milliseconds)) ms" }
      state.next = number + 1
      if state.next % 100_000 == 0 || state.next == end {
        state.seconds = before + (clock.now - beginning) / .seconds(1)
        try save(state)
        print(summary(state))
        fflush(nil)
      }
    }
    CrashReport.stop()
    return state
  }

  func summary(_ state: State) -> String {
    let rate = state.seconds > 0 ? Int(Double(state.next) / state.seconds) : 0
    return "\(target.name): \(state.next) inputs (\(state.accepted) accepted, \(state.refused) refused), \(rate)/s, "
      + "slowest \(Int(state.slowestMilliseconds)) ms (input \(state.slowestNumber)), \(state.failures.count) failures"
  }

  private func load() throws -> State? {
    guard let statePath, FileManager.default.fileExists(atPath: statePath) else { return nil }
    let states = try JSONDecoder().decode([State].self, from: Data(contentsOf: URL(fileURLWithPath: statePath)))
    return states.first { $0.target == target.name && $0.seed == seed }
  }

  private func save(_ state: State) throws {
    guard let statePath else { return }
    let url = URL(fileURLWithPath: statePath)
    var states: [State] = []
    if FileManager.default.fileExists(atPath: statePath) {
      states = try JSONDecoder().decode([State].self, from: Data(contentsOf: url))
    }
    states.removeAll { $0.target == state.target && $0.seed == state.seed }
    states.append(state)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(states).write(to: url, options: .atomic)
  }
}
