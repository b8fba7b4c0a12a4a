import Foundation
import Logging
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

@Suite struct PolicyTests {
  let fixture: RegistryFixture

  init() throws {
    fixture = try RegistryFixture()
    let registry = try fixture.open()
    for version in ["v1.0", "v1.1", "v1.2"] {
      try fixture.importFile(
        try Self.weights(of: version).safetensors(), as: "safetensors",
        version: version,
        into: registry)
    }
  }

  /// Weights of which versions share nothing.
  private static func weights(of version: String) -> SmallWeights {
    SmallWeights([("a.weight", (0..<40).map { Float($0) + Float(version.utf8.last ?? 0) / 64 })])
  }

  @Test func whatIsNotSetHasItsDefaultAndLeavesNoTrace() throws {
    let before = try fixture.snapshot()
    let registry = try fixture.open()
    #expect(registry.records.policies(of: fixture.model) == ModelPolicies())
    try registry.policies.set(.keep, of: fixture.model, to: "5")
    #expect(try fixture.snapshot() != before)
    #expect(try fixture.open(.reading).records.policies(of: fixture.model).keep == 5)
    #expect(try registry.policies.set(.keep, of: fixture.model, to: nil).keep == nil)
    #expect(try fixture.snapshot() == before)
  }

  @Test(arguments: [
    (PolicyKey.keep, "-1"), (.keep, "many"), (.keep, ""), (.validateBeforeActivate, "maybe"), (.pickles, "run"),
    (.defaultFormat, "gguf"), (.frozen, "sometimes"), (.restorable, "7"), (.restorable, "-1d"), (.restorable, "1y"),
    (.restorableCheckpoints, "99999999999999999999d"),
  ])
  func aValueOfAnotherTypeIsRefusedWithWhatIsExpected(key: PolicyKey, value: String) throws {
    let before = try fixture.snapshot()
    let registry = try fixture.open()
    let error = #expect(throws: StoreError.self) { try registry.policies.set(key, of: fixture.model, to: value) }
    #expect(error?.code == .invalidName)
    #expect(error?.message.contains("expected \(key.values)") == true)
    #expect(try fixture.snapshot() == before)
  }

  @Test func cleanupKeepsAsManyAsThePolicySays() throws {
    let registry = try fixture.open()
    let error = #expect(throws: StoreError.self) { try registry.retention.cleanup(fixture.model, keep: nil) }
    #expect(error?.message.contains("--keep N") == true)
    try registry.policies.set(.keep, of: fixture.model, to: "2")
    #expect(try registry.retention.cleanup(fixture.model, keep: nil).map(\.text) == ["v1.1"])
    #expect(try registry.retention.cleanup(fixture.model, keep: 1).map(\.text) == ["v1.2"])
  }

  @Test func aDamagedVersionDoesNotBecomeActiveWhereThePolicyAsksForValidation() throws {
    let version = try VersionName(validating: "v1.1")
    let registry = try fixture.open()
    let manifest = try registry.records.manifest(of: fixture.model, version)
    try fixture.damage(fixture.path(ofBlob: manifest.weights[0].blob.hexadecimal), at: [0x00, 0x00, 0x44, 0x3F])
    try registry.policies.set(.validateBeforeActivate, of: fixture.model, to: "yes")
    let error = #expect(throws: StoreError.self) { try registry.activation.setActive(fixture.model, version) }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains("\"a.weight\"") == true)
    #expect(registry.records.activeVersion(of: fixture.model) == fixture.version)
    try registry.activation.setActive(fixture.model, try VersionName(validating: "v1.2"))
    // What asks for nothing gets what it names.
    try registry.policies.set(.validateBeforeActivate, of: fixture.model, to: "no")
    try registry.activation.setActive(fixture.model, version)
    #expect(registry.records.activeVersion(of: fixture.model) == version)
  }

  /// Finds a problem in every version whose config.json says so.
  private struct ConfigurationCheck: VersionChecker {
    let name = "configuration"
    func check(
      tensors: [TensorDescriptor], file: (String) -> [UInt8]?, weights: () throws -> any ByteSource
    ) -> CheckOutcome {
      file("config.json") == Array("bad".utf8) ? .failed(["it is bad"]) : .passed("it is good")
    }
  }

  @Test func anImportedVersionBecomesActiveOnlyIfItPassesWhatThePolicyAsksFor() throws {
    let registry = try WeightRegistry(
      storePath: fixture.storePath, access: .writing(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      checkers: [ConfigurationCheck()])
    try registry.policies.set(.validateBeforeActivate, of: fixture.model, to: "yes")
    @discardableResult
    func importVersion(_ version: String, configuration: String) throws -> Manifest {
      let name = try VersionName(validating: version)
      return try registry.importing(
        ImportRequest(
          model: fixture.model, version: name,
          source: try fixture.scratch.write("\(version).pt", try SmallWeights.example(bias: 9).torchZip()), view: "pt",
          files: [
            .init(
              source: try fixture.scratch.write("\(version).json", Array(configuration.utf8)), path: "config.json")
          ], activating: true))
    }
    let error = #expect(throws: StoreError.self) { try importVersion("v7", configuration: "bad") }
    #expect(error?.code == .damaged && error?.message.contains("it is bad") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("was not made active") == true)
    #expect(registry.records.activeVersion(of: fixture.model) == fixture.version)
    #expect(registry.records.contains(fixture.model, try VersionName(validating: "v7")))
    try importVersion("v8", configuration: "good")
    #expect(registry.records.activeVersion(of: fixture.model)?.text == "v8")
    // Without the policy nobody asks.
    try registry.policies.set(.validateBeforeActivate, of: fixture.model, to: "no")
    try importVersion("v9", configuration: "bad")
    #expect(registry.records.activeVersion(of: fixture.model)?.text == "v9")
  }

  @Test(arguments: [#"{"keep":-3}"#, #"{"pickles":"run"}"#, #"{"keep":"x"}"#, "[]"])
  func damagedPoliciesAreAnErrorThatNamesTheFile(policies: String) throws {
    let text = #"{"format":1,"models":{"mamba":{"active":"v1.0","policies":\#(policies)}}}"#
    try fixture.scratch.write("store/weight_config.json", Array(text.utf8))
    let error = #expect(throws: StoreError.self) { try fixture.open(.reading) }
    #expect(error?.code == .damaged && error?.message.contains("weight_config.json") == true)
  }
}
