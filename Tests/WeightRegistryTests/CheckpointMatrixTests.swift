import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// What torch and safetensors wrote, through the store and back: the written file byte for byte, and every other view as torch
/// and safetensors would write it.
@Suite struct CheckpointMatrixTests {
  /// The view that is made for a file: where a torch file was written, `bin` is the torch view that was not.
  private func synthesizedTorchView(_ each: CheckpointMatrix.Case) -> String { each.view == "pt" ? "bin" : "pt" }

  @Test func everyCheckpointComesBackAndEveryViewIsWhatItsWriterWouldWrite() throws {
    let cases = try CheckpointMatrix.shared.get().cases
    #expect(cases.count == CheckpointMatrix.count)
    #expect(Set(cases.map(\.form)).count == 12)
    #expect(cases.filter(\.isStrided).count > 20)
    #expect(cases.filter { $0.safetensors == nil }.count > 5)
    let fixture = try RegistryFixture()
    var registry = try fixture.open()
    for each in cases {
      let manifest = try fixture.importFile(each.source, as: each.view, version: each.name, into: registry)
      #expect(manifest.main?.tensorCount == each.tensorCount, "\(each.name)")
      try expectViews(of: each, in: registry, fixture)
    }
    // And again from what is on the disk.
    registry = try reopen(registry, fixture)
    for each in cases { try expectViews(of: each, in: registry, fixture) }
  }

  /// Gives up a registry, whose lock would stop the next, and opens the store anew.
  private func reopen(_ registry: consuming WeightRegistry, _ fixture: RegistryFixture) throws -> WeightRegistry {
    try fixture.open(.reading)
  }

  private func expectViews(of each: CheckpointMatrix.Case, in registry: WeightRegistry, _ fixture: RegistryFixture)
    throws
  {
    func bytes(_ view: String) throws -> [UInt8] { try fixture.bytes(of: view, version: each.name, in: registry) }
    #expect(try bytes(each.view) == each.source, "\(each.name): the written file")
    let torch = try bytes(synthesizedTorchView(each))
    // A plain torch file serves as both of its views, as it is.
    let expected =
      ["plain", "dict", "protocol-3"].contains(each.form) && torch == each.source ? each.source : each.plain
    if torch != expected { Issue.record("\(each.name): \(difference(torch, expected))") }
    guard each.view == "pt" else { return }
    if let expected = each.safetensors {
      let safetensors = try bytes("safetensors")
      if safetensors != expected { Issue.record("\(each.name): \(difference(safetensors, expected))") }
    } else {
      #expect(throws: StoreError.self, "\(each.name)") { try bytes("safetensors") }
    }
  }

  private func difference(_ found: [UInt8], _ expected: [UInt8]) -> String {
    let offset = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? min(found.count, expected.count)
    return "\(found.count) bytes found, \(expected.count) expected, the first difference at \(offset)"
  }

  /// The state dicts that the layouts are tested with, imported as torch wrote them and as safetensors did.
  @Test func theWrittenFileOfEveryStateDictComesBack() throws {
    let folder = try TemporaryFolder()
    try Python.oracle("make_state_dicts.py", [folder.path, "7"])
    let fixture = try RegistryFixture()
    let registry = try fixture.open()
    var count = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() where name != "count-70000" {
      for (file, view) in [("model.pt", "pt"), ("model.safetensors", "safetensors")] {
        let path = "\(name)/\(file)"
        guard FileManager.default.fileExists(atPath: folder(path)) else { continue }
        let bytes = try folder.read(path)
        let hasTensors =
          try JSONDecoder().decode(StateDict.self, from: Data(folder.read("\(name)/state.json"))).tensors.count > 0
        guard hasTensors || view == "safetensors" else {
          #expect(throws: StoreError.self) {
            try fixture.importFile(bytes, as: view, version: "\(name)-\(view)", into: registry)
          }
          continue
        }
        try fixture.importFile(bytes, as: view, version: "\(name)-\(view)", into: registry)
        #expect(try fixture.bytes(of: view, version: "\(name)-\(view)", in: registry) == bytes, "\(path)")
        count += 1
      }
      guard FileManager.default.fileExists(atPath: folder("\(name)/model.safetensors")) else { continue }
      guard try registry.records.versions(of: fixture.model).contains(where: { $0.text == "\(name)-pt" }) else {
        continue
      }
      #expect(
        try fixture.bytes(of: "safetensors", version: "\(name)-pt", in: registry)
          == folder.read("\(name)/model.safetensors"),
        "\(name)")
    }
    #expect(count > 180)
  }

  /// A bit that is wrong in a storage that only strided tensors look at.
  @Test func aDamagedStorageOfAStridedTensorIsRefused() throws {
    let cases = try CheckpointMatrix.shared.get().cases.filter {
      $0.isStrided && $0.view == "pt" && !$0.form.hasPrefix("legacy")
    }
    let fixture = try RegistryFixture()
    let registry = try fixture.open()
    var count = 0
    for each in cases {
      let file = try TorchZipFormat().parse(BufferSource(each.source))
      for record in file.recordChecksums where !record.range.isEmpty {
        var bytes = each.source
        bytes[record.range.upperBound - 1] ^= 1
        let error = #expect(throws: StoreError.self, "\(each.name)") {
          try fixture.importFile(bytes, as: "pt", version: "damaged", into: registry)
        }
        #expect(error?.message.contains("is damaged") == true)
        count += 1
      }
    }
    #expect(count > 20)
    #expect(registry.records.models.isEmpty)
  }
}
