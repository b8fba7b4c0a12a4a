import Foundation
import StoreRecords
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// What an independent scanner says of the pickles that are served.
@Suite struct PicklescanTests {
  private struct Report: Decodable {
    var pickles: Int
    var failed: Bool
    var issues: Int
    var globals: [String]
  }

  private func scan(_ folder: TemporaryFolder) throws -> [String: Report] {
    let output = try Python.oracle("scan_pickles.py", [folder.path])
    return try JSONDecoder().decode([String: Report].self, from: Data(output.utf8))
  }

  @Test func theScannerFindsNothingInAnyViewThatIsServed() throws {
    let served = try TemporaryFolder()
    let fixture = try RegistryFixture()
    let registry = try fixture.open()
    for each in try CheckpointMatrix.shared.get().cases.prefix(48) {
      try fixture.importFile(each.source, as: each.view, version: each.name, into: registry)
      try served.write("\(each.name).pt", try fixture.bytes(of: "pt", version: each.name, in: registry))
      try served.write("\(each.name)-bin.pt", try fixture.bytes(of: "bin", version: each.name, in: registry))
    }
    let report = try scan(served)
    #expect(report.count == 96)
    for (name, file) in report { expectClean(file, name) }
  }

  @Test func theScannerFindsNothingInTheShippedModels() throws {
    let fixture = try RegistryFixture()
    // A copy, because the store's folder gets a lock and may be read by others.
    try FileManager.default.copyItem(atPath: Python.packageRoot + "/Model", toPath: fixture.storePath)
    let registry = try fixture.open(.reading)
    let served = try TemporaryFolder()
    for model in registry.records.models {
      for version in try registry.records.versions(of: model) {
        let view = try registry.views.open("pt", of: model, version)
        try served.write(
          "\(model.text)-\(version.text).pt", try view.bytes(at: 0, count: view.byteCount, what: "model.pt"))
      }
    }
    let report = try scan(served)
    #expect(report.count >= 3)
    for (name, file) in report { expectClean(file, name) }
  }

  /// The scanner does find what is not harmless.
  @Test func theScannerFindsAProgram() throws {
    let folder = try TemporaryFolder()
    typealias P = TestPickle
    let pickle = P.whole(P.global("os", "system") + P.string("true") + [0x85] + P.text("R"))
    try folder.write("program.pt", TestArchive(pickle: pickle).bytes)
    let report = try #require(try scan(folder)["program.pt"])
    #expect(report.issues > 0 && report.globals.contains { $0.hasSuffix(".system") })
  }

  /// The scanner knows fewer of torch's own names than torch; all others must be harmless to it.
  private func expectClean(_ file: Report, _ name: String) {
    #expect(file.pickles == 1 && !file.failed && file.issues == 0, "\(name)")
    for global in file.globals { #expect(global.hasPrefix("torch."), "\(name): \(global)") }
  }
}
