import Foundation
import Tensors
import TestSupport
import Testing
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
    #expect(registry.policies(of: fixture.model) == ModelPolicies())
    try registry.setPolicy(.keep, of: fixture.model, to: "5")
    #expect(try fixture.snapshot() != before)
    #expect(try fixture.open(.reading).policies(of: fixture.model).keep == 5)
    #expect(try registry.setPolicy(.keep, of: fixture.model, to: nil).keep == nil)
    #expect(try fixture.snapshot() == before)
  }

  @Test(arguments: [
    (PolicyKey.keep, "-1"), (.keep, "many"), (.keep, ""), (.validateBeforeActivate, "maybe"), (.pickles, "run"),
    (.defaultFormat, "gguf"),
  ])
  func aValueOfAnotherTypeIsRefusedWithWhatIsExpected(key: PolicyKey, value: String) throws {
    let before = try fixture.snapshot()
    let registry = try fixture.open()
    let error = #expect(throws: RegistryError.self) { try registry.setPolicy(key, of: fixture.model, to: value) }
    #expect(error?.code == .invalidName)
    #expect(error?.message.contains("expected \(key.values)") == true)
    #expect(try fixture.snapshot() == before)
  }

  @Test func cleanupKeepsAsManyAsThePolicySays() throws {
    let registry = try fixture.open()
    let error = #expect(throws: RegistryError.self) { try registry.cleanup(fixture.model, keep: nil) }
    #expect(error?.message.contains("--keep N") == true)
    try registry.setPolicy(.keep, of: fixture.model, to: "2")
    #expect(try registry.cleanup(fixture.model, keep: nil).map(\.text) == ["v1.1"])
    #expect(try registry.cleanup(fixture.model, keep: 1).map(\.text) == ["v1.2"])
  }

  @Test func aDamagedVersionDoesNotBecomeActiveWhereThePolicyAsksForValidation() throws {
    let version = try VersionName(validating: "v1.1")
    let registry = try fixture.open()
    let manifest = try registry.manifest(of: fixture.model, version)
    try fixture.damage(fixture.path(ofBlob: manifest.originals[0].blob.hexadecimal), at: [0x00, 0x00, 0x44, 0x3F])
    try registry.setPolicy(.validateBeforeActivate, of: fixture.model, to: "yes")
    let error = #expect(throws: RegistryError.self) { try registry.setActive(fixture.model, version) }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains("\"a.weight\"") == true)
    #expect(registry.activeVersion(of: fixture.model) == fixture.version)
    try registry.setActive(fixture.model, try VersionName(validating: "v1.2"))
    // What asks for nothing gets what it names.
    try registry.setPolicy(.validateBeforeActivate, of: fixture.model, to: "no")
    try registry.setActive(fixture.model, version)
    #expect(registry.activeVersion(of: fixture.model) == version)
  }

  @Test(arguments: [#"{"keep":-3}"#, #"{"pickles":"run"}"#, #"{"keep":"x"}"#, "[]"])
  func damagedPoliciesAreAnErrorThatNamesTheFile(policies: String) throws {
    let text = #"{"format":1,"models":{"mamba":{"active":"v1.0","policies":\#(policies)}}}"#
    try fixture.scratch.write("store/weight_config.json", Array(text.utf8))
    let error = #expect(throws: RegistryError.self) { try fixture.open(.reading) }
    #expect(error?.code == .damaged && error?.message.contains("weight_config.json") == true)
  }
}
