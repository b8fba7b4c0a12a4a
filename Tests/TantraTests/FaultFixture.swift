import Foundation
import TestSupport

/// The states between which a scenario's command may be disturbed, and copies of its store to do that to.
struct FaultFixture {
  let scenario: FaultScenario
  private let scratch: TemporaryFolder
  private let old: [StoreState]
  private let between: [[StoreState]]
  private let new: [StoreState]
  /// How many steps the command has.
  let stepCount: Int
  /// What ends the command at each step of the index, if those are its steps.
  let indexFaults: [String]

  /// - Parameters:
  ///   - calls: those that count as steps; the scenario's if left out.
  ///   - isIndex: whether the steps are those that SQLite takes in the index, which ``IndexTracer`` sees.
  init(_ scenario: FaultScenario, calls: String? = nil, isIndex: Bool = false) throws {
    self.scenario = scenario
    scratch = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: scratch("files"), withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: scratch("base"), withIntermediateDirectories: true)
    for (name, bias) in [("one", Float(1)), ("two", 2), ("three", 3)] {
      try scratch.write("files/\(name).safetensors", try SmallWeights.example(bias: bias).safetensors())
      try scratch.write("files/\(name).pt", try SmallWeights.example(bias: bias).torchZip())
    }
    // Of the first, the second shares two tensors.
    try scratch.write("files/ten.safetensors", try Self.layers(Array(0..<10)).safetensors())
    // The second is the first, trained on.
    try scratch.write("files/wide.safetensors", try SmallWeights.trained().safetensors())
    try scratch.write("files/near.safetensors", try SmallWeights.trained(step: 1).safetensors())
    try scratch.write("files/shared.pt", try Self.layers([8, 9, 20, 21]).torchZip())
    try scratch.write("files/config.json", Array("{}\n".utf8))
    try scratch.write("files/vocab.txt", Array("a b c\n".utf8))
    try FileManager.default.createDirectory(atPath: scratch("files/lora"), withIntermediateDirectories: true)
    try scratch.write("files/lora/adapter_model.safetensors", try SmallWeights.example(bias: 4).safetensors())
    try scratch.write("files/lora/adapter_config.json", Array("{}\n".utf8))
    for command in scenario.setup {
      if command[0] == "rm" {
        try FileManager.default.removeItem(atPath: scratch("base/store/" + command[1]))
      } else {
        try Self.succeed(command, in: "base", scratch)
      }
    }
    old = try Self.states("base", scratch, scenario)
    var between: [[StoreState]] = []
    for (index, command) in scenario.milestones.enumerated() {
      try FileManager.default.copyItem(atPath: scratch("base"), toPath: scratch("between\(index)"))
      if command == ["COPY"] {
        // The copy is made, but the version is not pinned yet.
        try Self.succeed(scenario.command, in: "between\(index)", scratch)
        between.append([old[0], try Self.states("between\(index)", scratch, scenario)[1]])
      } else {
        try Self.succeed(command, in: "between\(index)", scratch)
        between.append(try Self.states("between\(index)", scratch, scenario))
      }
    }
    self.between = between
    try FileManager.default.copyItem(atPath: scratch("base"), toPath: scratch("new"))
    if isIndex {
      try Self.succeed(scenario.command, in: "new", scratch, fault: IndexTracer.trace)
      indexFaults = try IndexTracer(store: scratch("new/store"), log: scratch("trace")).faults()
      stepCount = indexFaults.count
    } else {
      indexFaults = []
      let traced = try Self.succeed(scenario.command, in: "new", scratch, fault: "trace:\(calls ?? scenario.calls):1+")
      stepCount = traced.errorText.split(separator: "\n").count { $0.hasPrefix("step\t") }
    }
    new = try Self.states("new", scratch, scenario)
  }

  private static func layers(_ seeds: [Int]) -> SmallWeights {
    SmallWeights(seeds.map { seed in ("layer.\(seed)", (0..<1024).map { Float($0 &+ seed &* 7919) }) })
  }

  private static func states(
    _ folder: String, _ scratch: TemporaryFolder, _ scenario: FaultScenario
  ) throws -> [StoreState] {
    try ["store", "copy"].map {
      try StoreState(ofStoreAt: scratch(folder + "/" + $0), showingTables: !scenario.movesTables)
    }
  }

  private static func run(
    _ command: [String], in folder: String, _ scratch: TemporaryFolder, fault: String? = nil
  ) throws -> Command {
    let arguments = command.map {
      $0.replacing("FILES", with: scratch("files")).replacing("COPY", with: scratch(folder + "/copy"))
    }
    // What a command that is killed leaves of its own goes with the scratch folder.
    var environment = ["TANTRA_STORE": scratch(folder + "/store"), "TMPDIR": scratch.path]
    let tracer = IndexTracer(store: scratch(folder + "/store"), log: scratch("trace"))
    if let fault, let words = tracer.words(for: fault) {
      return try Command.run(
        IndexTracer.program, words + [TantraFixture.executable] + arguments, environment: environment)
    }
    if let fault { environment["TANTRA_FAULT"] = fault }
    return try Command.run(TantraFixture.executable, arguments, environment: environment)
  }

  @discardableResult
  private static func succeed(
    _ command: [String], in folder: String, _ scratch: TemporaryFolder, fault: String? = nil
  ) throws -> Command {
    let result = try run(command, in: folder, scratch, fault: fault)
    guard result.status == 0 else {
      throw OracleFailure(description: "tantra \(command) ended with \(result.status): \(result.errorText)")
    }
    return result
  }

  /// Where a disturbed command left the store.
  enum Outcome { case unchanged, between, done, broken }

  /// What came of a disturbed command.
  struct Report {
    var command: Command
    var outcome: Outcome
    /// What is wrong with the store, or became wrong on the next try; empty if all is well.
    var problems: [String] = []
  }

  /// Disturbs the command by `fault` on a fresh copy of the store, looks at it, gives the command again undisturbed, and
  /// collects garbage.
  func disturb(_ fault: String) throws -> Report {
    let folder = "run"
    try FileManager.default.copyItem(atPath: scratch("base"), toPath: scratch(folder))
    defer {
      do { try FileManager.default.removeItem(atPath: scratch(folder)) } catch {
        print("could not remove a run: \(error)")
      }
    }
    let command = try Self.run(scenario.command, in: folder, scratch, fault: fault)
    let states = try Self.states(folder, scratch, scenario)
    let outcome: Outcome =
      states == new ? .done : states == old ? .unchanged : between.contains(states) ? .between : .broken
    var report = Report(command: command, outcome: outcome)
    if outcome == .broken { report.problems.append("neither old nor new:\n\(states[0])\n\(states[1])") }
    report.problems += try problems(folder)
    let again = try Self.run(scenario.command, in: folder, scratch)
    if again.status != (outcome == .done ? scenario.again : 0) {
      report.problems.append("given again it ended with \(again.status): \(again.errorText)")
    }
    let last = try Self.states(folder, scratch, scenario)
    if last != new, outcome != .done || scenario.isIdempotent {
      report.problems.append("given again it left:\n\(last[0])\n\(last[1])")
    }
    try Self.succeed(["purge"], in: folder, scratch)
    report.problems += try problems(folder)
    report.problems += try StoreState.leftovers(inStoreAt: scratch(folder + "/store"))
    if scenario.movesTables {
      let blobs = StoreState.stored(at: scratch(folder + "/store"))
      if blobs != StoreState.stored(at: scratch("new/store")) { report.problems.append("other blobs: \(blobs)") }
    }
    if FileManager.default.fileExists(atPath: scratch(folder + "/copy")) {
      try Self.succeed(["purge", "--store", scratch(folder + "/copy")], in: folder, scratch)
      report.problems += try StoreState.leftovers(inStoreAt: scratch(folder + "/copy"))
    }
    return report
  }

  private func problems(_ folder: String) throws -> [String] {
    try ["store", "copy"].flatMap { try StoreState.problems(ofStoreAt: scratch(folder + "/" + $0)) }
  }
}
