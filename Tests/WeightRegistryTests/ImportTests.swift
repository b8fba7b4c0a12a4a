import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

@Suite struct ImportTests {
  let fixture: RegistryFixture
  let weights = SmallWeights.example()

  init() throws { fixture = try RegistryFixture() }

  @Test func whatIsImportedReadsBackByteForByteAndTheOtherFormatsAppear() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(try weights.safetensors(), as: "safetensors", into: registry)
    #expect(manifest.main?.parameterCount == 47)
    #expect(manifest.main?.tensorCount == 3)
    #expect(try fixture.bytes(of: "safetensors", in: registry) == weights.safetensors())
    let torch = try fixture.bytes(of: "pt", in: registry)
    #expect(try fixture.bytes(of: "bin", in: registry) == torch)
    #expect(
      manifest.main?.views == ["safetensors": try weights.safetensors().count, "pt": torch.count, "bin": torch.count])
    let parsed = try TorchZipFormat().parse(BufferSource(torch))
    #expect(parsed.stateDict.tensors.map(\.name) == ["a.bias", "a.weight", "z.weight"])
  }

  @Test func theFirstVersionBecomesActiveAndLaterOnesDoNot() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights.safetensors(), as: "safetensors", into: registry)
    try fixture.importFile(
      try SmallWeights.example(bias: 2).safetensors(), as: "safetensors", version: "v1.1", into: registry)
    #expect(registry.records.activeVersion(of: fixture.model)?.text == "v1.0")
    #expect(try registry.records.versions(of: fixture.model).map(\.text) == ["v1.0", "v1.1"])
    try registry.activation.setActive(fixture.model, try VersionName(validating: "v1.1"))
    #expect(registry.records.activeVersion(of: fixture.model)?.text == "v1.1")
  }

  @Test func everythingIsThereAfterReopening() throws {
    do {
      let registry = try fixture.open()
      try fixture.importFile(
        try weights.torchZip(), as: "pt", files: ["config.json": "{}\n"], into: registry)
    }
    let registry = try fixture.open(.reading)
    #expect(registry.records.models == [fixture.model])
    #expect(registry.records.activeVersion(of: fixture.model) == fixture.version)
    #expect(try fixture.bytes(of: "pt", in: registry) == weights.torchZip())
    let file = try #require(try registry.records.folder(of: fixture.model, fixture.version)?.file(at: "config.json"))
    let opened = try registry.views.open(file)
    #expect(try opened.bytes(at: 0, count: opened.byteCount, what: "") == Array("{}\n".utf8))
  }

  @Test func aTorchFileServesAsPtAndBinAlike() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(try weights.torchZip(), as: "bin", into: registry)
    #expect(manifest.original(servedAs: "pt")?.blob == manifest.weights.first?.blob)
    #expect(try fixture.bytes(of: "pt", in: registry) == weights.torchZip())
  }

  @Test func theSameWeightsInAnotherFormatAreAdded() throws {
    let registry = try fixture.open()
    // Spaces behind the header: the same tensors, but not the bytes that would be synthesized.
    var padded = try weights.safetensors()
    padded.insert(
      contentsOf: Array(repeating: UInt8(ascii: " "), count: 8), at: 8 + Int(padded[0]) + Int(padded[1]) << 8)
    let length = UInt64(padded[0]) + UInt64(padded[1]) << 8 + 8
    withUnsafeBytes(of: length.littleEndian) { padded.replaceSubrange(0..<8, with: $0) }
    try fixture.importFile(try weights.torchZip(), as: "pt", into: registry)
    let manifest = try fixture.importFile(padded, as: "safetensors", into: registry)
    #expect(manifest.weights.map(\.viewName) == ["pt", "safetensors"])
    #expect(try fixture.bytes(of: "safetensors", in: registry) == padded)
    #expect(try fixture.bytes(of: "pt", in: registry) == weights.torchZip())
  }

  @Test func otherWeightsIntoAPublishedVersionAreRefusedAndNothingChanges() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights.safetensors(), as: "safetensors", into: registry)
    let manifests = try fixture.scratch.files(below: "store/models").map { try fixture.scratch.read($0) }
    let error = #expect(throws: StoreError.self) {
      try fixture.importFile(try SmallWeights.example(bias: 3).torchZip(), as: "pt", into: registry)
    }
    #expect(error?.code == .differentWeights)
    #expect(error?.message.contains("a.bias") == true)
    #expect(try fixture.scratch.files(below: "store/models").map { try fixture.scratch.read($0) } == manifests)
    #expect(try fixture.bytes(of: "safetensors", in: registry) == weights.safetensors())
  }

  @Test func contentUnderTheWrongExtensionIsRefused() throws {
    let registry = try fixture.open()
    let before = try fixture.snapshot()
    #expect(throws: StoreError.self) {
      try fixture.importFile(try weights.safetensors(), as: "pt", into: registry)
    }
    #expect(throws: StoreError.self) {
      try fixture.importFile(try weights.torchZip(), as: "safetensors", into: registry)
    }
    #expect(throws: StoreError.self) { try fixture.importFile([], as: "pt", into: registry) }
    #expect(try fixture.snapshot() == before)
    #expect(try fixture.scratch.files(below: "store/.staging") == ["store/.staging/lock"])
  }

  @Test func aTorchFileWithADamagedTensorIsRefusedByName() throws {
    let registry = try fixture.open()
    var bytes = try weights.torchZip()
    // The value 9.75 stands once in the file: the last element of z.weight.
    let pattern = withUnsafeBytes(of: Float(9.75).bitPattern.littleEndian, Array.init)
    let index = try #require(bytes.indices.first { bytes[$0...].starts(with: pattern) })
    bytes[index] ^= 1
    let error = #expect(throws: StoreError.self) { try fixture.importFile(bytes, as: "pt", into: registry) }
    #expect(error?.message.contains("z.weight") == true)
    #expect(registry.records.models.isEmpty)
  }

  @Test func checkpointsHaveTheirOwnFolder() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights.safetensors(), as: "safetensors", version: "checkpoint-500", into: registry)
    #expect(try fixture.scratch.files(below: "store/checkpoints") == ["store/checkpoints/mamba/checkpoint-500.json"])
    #expect(registry.records.isCheckpoint(fixture.model, try VersionName(validating: "checkpoint-500")))
  }

  @Test func viewsAreReadableFromAnyOffset() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights.safetensors(), as: "safetensors", into: registry)
    let view = try registry.views.open("pt", of: fixture.model, fixture.version)
    let whole = try fixture.bytes(of: "pt", in: registry)
    for offset in stride(from: 0, to: whole.count, by: 13) {
      let count = min(1 + offset % 257, whole.count - offset)
      #expect(try view.bytes(at: offset, count: count, what: "") == Array(whole[offset..<offset + count]))
    }
    #expect(view.stretches(offset: whole.count, count: 1).isEmpty)
    #expect(view.stretches(offset: -1, count: 1).isEmpty)
    #expect(view.stretches(offset: .max, count: .max).isEmpty)
  }
}
