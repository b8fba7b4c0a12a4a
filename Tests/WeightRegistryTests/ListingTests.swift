import Foundation
import StoreRecords
import TestSupport
import Testing
import WeightRegistry

/// What is listed when somebody asks, and what is told without it.
@Suite struct ListingTests {
  let fixture: RegistryFixture

  init() throws {
    fixture = try RegistryFixture()
    let registry = try fixture.open()
    for (version, bias) in [("v1.0", Float(1)), ("v1.1", 2)] {
      try fixture.importFile(
        try SmallWeights.example(bias: bias).safetensors(), as: "safetensors", version: version,
        files: ["config.json": "{}"], into: registry)
    }
  }

  private func figures() throws -> StoreUsage.Figures { try StoreUsage(try fixture.open(.reading).records).current() }

  private func setAge(hours: Double, of folder: String) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600 * hours)], ofItemAtPath: fixture.scratch(folder))
  }

  @Test func aFolderThatCannotBeListedHidesNothingAndFreesNothing() throws {
    try fixture.scratch.write("store/models/notes", Array("not a folder".utf8))
    let notes = try ModelName(validating: "notes")
    let registry = try fixture.open()
    #expect(registry.records.models.map(\.text) == ["mamba", "notes"])
    #expect(registry.records.contains(notes) && registry.records.contains(notes, fixture.version))
    for error in [
      #expect(throws: StoreError.self) { try registry.records.versions(of: notes) },
      #expect(throws: StoreError.self) { try registry.records.manifest(of: notes, self.fixture.version) },
      #expect(throws: StoreError.self) { try registry.retention.purge(nil, nil) },
    ] {
      #expect(error?.message.contains("models/notes") == true, "\(error?.message ?? "")")
    }
    // The others are served.
    #expect(try registry.records.versions(of: fixture.model).map(\.text) == ["v1.0", "v1.1"])
    #expect(try registry.validation.validate(fixture.model, fixture.version).isValid)
  }

  @Test func theIndexTellsWhatTheManifestsTell() throws {
    let other = try SmallWeights.example(bias: 3).safetensors()
    try setAge(hours: 2, of: "store/models/mamba")
    try fixture.open().importing(
      ImportRequest(
        model: try ModelName(validating: "other"), version: fixture.version,
        source: try fixture.scratch.write("other.safetensors", other), view: "safetensors"))
    let told = try figures()
    #expect(told.models == 2 && told.versions == 3 && told.files == 11)
    // A manifest that changes behind its folder's back shows that the index was asked, and not the manifests.
    let path = fixture.scratch("store/models/mamba/v1.1.json")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let size = try #require(text.firstMatch(of: /"safetensors" : ([0-9]+)/)?.1)
    try Data(text.replacing("\"safetensors\" : \(size)", with: "\"safetensors\" : 1000000").utf8)
      .write(to: URL(fileURLWithPath: path))
    #expect(try figures() == told)
    try setAge(hours: 1, of: "store/models/mamba")
    #expect(try figures().presentedBytes == told.presentedBytes + 1_000_000 - (try #require(Int(size))))
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.removeItem(atPath: fixture.scratch("store/index.sqlite"))
    #expect(try figures() == told)
  }
}
