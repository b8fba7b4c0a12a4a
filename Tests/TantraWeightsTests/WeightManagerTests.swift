import TantraWeights
import TestSupport
import Testing

@Suite struct WeightManagerTests {
  let scratch: TemporaryFolder
  let manager: WeightManager

  init() throws {
    scratch = try TemporaryFolder()
    manager = try WeightManager(store: scratch("store"), creating: true)
  }

  private func weights(_ seed: Float) throws -> StateDict {
    var weights = StateDict()
    weights["z"] = try Tensor([seed, 2, 3, 4, 5, 6], shape: [2, 3])
    weights["a"] = try Tensor([seed])
    weights["e"] = try Tensor(dtype: .bfloat16, shape: [0, 3], bytes: [])
    return weights
  }

  @Test func whatIsSavedIsLoadedBitForBit() throws {
    let saved = try manager.saveWeights(try weights(.nan), model: "m", version: "v1")
    #expect(saved.isActive && saved.tensorCount == 3 && saved.parameterCount == 7)
    #expect(saved.byteCounts.keys.sorted() == ["bin", "pt", "safetensors"])
    let loaded = try manager.loadWeights(model: "m", version: "v1")
    #expect(Set(loaded.names) == ["a", "e", "z"])
    #expect(loaded["z"]?.shape == [2, 3] && loaded["z"]?.dtype == .float32)
    let floats = try #require(loaded["z"]?.floats)
    #expect(floats[0].isNaN && Array(floats[1...]) == [2, 3, 4, 5, 6])
    #expect(loaded["e"]?.byteCount == 0 && loaded["nothing"] == nil)
    #expect(try manager.validate(model: "m", version: "v1").isValid)
  }

  @Test func torchReadsWhatIsSaved() throws {
    try manager.saveWeights(try weights(7), model: "m", version: "v1")
    let target = scratch("out")
    let export = try Command.run(
      Self.tantra, ["export", "m", "--format", "all", "--to", target, "--store", scratch("store")])
    #expect(export.status == 0, "\(export.errorText)")
    let script = """
      import sys, torch, safetensors.torch
      for state in torch.load(sys.argv[1] + "/m_v1_pt.pt"), safetensors.torch.load_file(sys.argv[1] + "/m_v1_safetensors.safetensors"):
          assert state["z"].tolist() == [[7, 2, 3], [4, 5, 6]] and state["e"].shape == (0, 3), state
      """
    let python = try Python.run(script, [target])
    #expect(python.status == 0, "\(python.errorText)")
  }

  @Test func compressedWeightsAreLoadedAllTheSame() throws {
    let values = (0..<60_000).map { Float($0 % 977) / 1024 - 0.5 }
    var weights = StateDict()
    weights["w"] = try Tensor(values)
    try manager.saveWeights(weights, model: "m", version: "v1")
    let command = try Command.run(Self.tantra, ["compress", "m/v1", "--store", scratch("store")])
    #expect(command.status == 0 && command.outputText.contains("compressed 1 file"), "\(command)")
    let loaded = try manager.loadWeights(model: "m", version: "v1")
    #expect(loaded["w"]?.floats == values)
    #expect(try Command.run(Self.tantra, ["thaw", "m/v1", "--store", scratch("store")]).status == 0)
    #expect(loaded["w"]?.floats == values)
    #expect(try manager.loadWeights(model: "m", version: "v1")["w"]?.floats == values)
  }

  @Test func loadedTensorsOutliveTheirVersion() throws {
    try manager.saveWeights(try weights(1), model: "m", version: "v1")
    try manager.saveWeights(try weights(2), model: "m", version: "v2", isActive: true)
    let loaded = try manager.loadWeights(model: "m", version: "v1")
    #expect(try manager.cleanup(model: "m", keep: 1) == ["v1"])
    #expect(try manager.purge().purged == ["m/v1"])
    #expect(loaded["z"]?.floats == [1, 2, 3, 4, 5, 6])
    #expect(throws: WeightError.self) { try manager.loadWeights(model: "m", version: "v1") }
  }

  @Test func versionsAreSwitchedKeptAndBroughtBack() throws {
    for (number, version) in ["v1", "v2", "v10"].enumerated() {
      try manager.saveWeights(try weights(Float(number)), model: "m", version: version)
    }
    #expect(try manager.listModels() == ["m"])
    #expect(try manager.listWeights(model: "m").map(\.version) == ["v1", "v2", "v10"])
    #expect(try manager.setActive(model: "m", version: "v10") == "v1")
    #expect(try manager.rollback(model: "m") == "v1")
    #expect(try manager.history(model: "m").map(\.to) == ["v1", "v10", "v1"])
    #expect(try manager.activeVersion(model: "m") == "v1")
    #expect(try manager.backup(model: "m", version: "v2") == 1)
    #expect(try manager.cleanup(model: "m", keep: 0) == ["v10"])
    try manager.restore(model: "m", version: "v10")
    #expect(try manager.listWeights(model: "m").map(\.isActive) == [true, false, false])
  }

  @Test func errorsSayWhatIsWrong() throws {
    try manager.saveWeights(try weights(1), model: "mamba", version: "v1")
    let refusals: [(WeightError.Code, String, () throws -> Void)] = [
      (.unknownModel, "did you mean \"mamba\"", { _ = try manager.listWeights(model: "mambo") }),
      (.unknownVersion, "no version \"v7\"", { try manager.setActive(model: "mamba", version: "v7") }),
      (.invalidName, "cannot name a version", { _ = try manager.loadWeights(model: "mamba", version: "../x") }),
      (.differentWeights, "never changes", { try manager.saveWeights(weights(2), model: "mamba", version: "v1") }),
      (.unacceptable, "without tensors", { try manager.saveWeights(StateDict(), model: "mamba", version: "v2") }),
      (.unacceptable, "takes 8 bytes", { _ = try Tensor(dtype: .float64, shape: [], bytes: [0]) }),
      (.alreadyExists, "exists", { try manager.restore(model: "mamba", version: "v1") }),
      (.invalidName, "--keep N", { try manager.cleanup(model: "mamba", keep: nil) }),
      (.invalidName, "century", { try manager.purge(olderThan: -1) }),
      (.noStore, "no weight store", { _ = try WeightManager(store: scratch("nothing")) }),
    ]
    for (code, words, action) in refusals {
      let error = #expect(throws: WeightError.self) { try action() }
      #expect(error?.code == code && error?.message.contains(words) == true, "\(String(describing: error))")
    }
  }

  @Test func manyThreadsChangeAndLookAtOnce() async throws {
    try manager.saveWeights(try weights(0), model: "m", version: "v0")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...12 {
        group.addTask {
          try manager.saveWeights(try weights(Float(number)), model: "m", version: "v\(number)")
          #expect(try manager.loadWeights(model: "m", version: "v\(number)")["a"]?.floats == [Float(number)])
          try manager.setActive(model: "m", version: "v\(number)")
          #expect(try manager.loadWeights(model: "m")["z"]?.byteCount == 24)
        }
      }
      try await group.waitForAll()
    }
    #expect(try manager.listWeights(model: "m").count == 13)
    #expect(try manager.history(model: "m").count == 13)
  }

  @Test func aMountedStoreIsChangedThroughItsMount() throws {
    for number in 1...3 { try manager.saveWeights(try weights(Float(number)), model: "m", version: "v\(number)") }
    let mountpoint = scratch("weights")
    let mount = try Command.run(Self.tantra, ["mount", mountpoint, "--store", scratch("store")])
    try #require(mount.status == 0, "\(mount.errorText)")
    defer { _ = try? Command.run(Self.tantra, ["unmount", mountpoint]) }
    #expect(try manager.setActive(model: "m", version: "v3") == "v1")
    #expect(try Command.run("readlink", [mountpoint + "/m/active"]).outputText == "v3\n")
    #expect(try manager.rollback(model: "m") == "v1")
    #expect(try manager.backup(model: "m", version: "v2") == 1)
    #expect(try manager.cleanup(model: "m", keep: 2) == ["v3"])
    #expect(try manager.purge().purged == ["m/v3"])
    let error = #expect(throws: WeightError.self) { try manager.restore(model: "m", version: "v2") }
    #expect(error?.code == .alreadyExists)
    #expect(try manager.loadWeights(model: "m")["a"]?.floats == [1])
    let refused = #expect(throws: WeightError.self) {
      try manager.saveWeights(try weights(9), model: "m", version: "v9")
    }
    #expect(refused?.code == .storeInUse && refused?.message.contains(mountpoint) == true)
  }

  /// The program beside the test runner.
  private static let tantra = ProgramFolder.path + "/tantra"
}
