import Dispatch
import Foundation
import StoreRecords
import Synchronization
import TestSupport
import Testing
import WeightRegistry

/// Several threads of one process at work on one store.
@Suite struct ConcurrencyTests {
  let fixture: RegistryFixture

  init() throws { fixture = try RegistryFixture() }

  /// Imports all files at once; answers with the errors.
  private func importAll(_ requests: [ImportRequest], into registry: WeightRegistry) -> [StoreError] {
    let errors = Mutex<[StoreError]>([])
    Threads.run(requests.count) { index in
      do throws(StoreError) {
        try registry.importing(requests[index])
      } catch {
        errors.withLock { $0.append(error) }
      }
    }
    return errors.withLock { $0 }
  }

  private func request(_ name: String, _ bytes: [UInt8], as view: String, version: String) throws -> ImportRequest {
    ImportRequest(
      model: fixture.model, version: try VersionName(validating: version),
      source: try fixture.scratch.write(name, bytes), view: view)
  }

  @Test func twoImportsOfOneVersionAtOnceLoseNeither() throws {
    let registry = try fixture.open()
    let weights = SmallWeights.example()
    for round in 0..<20 {
      let version = "v\(round)"
      let errors = importAll(
        [
          try request("a.safetensors", try weights.safetensors(), as: "safetensors", version: version),
          try request("a.pt", try weights.torchZip(), as: "pt", version: version),
        ], into: registry)
      #expect(errors.isEmpty)
      let manifest = try registry.records.manifest(of: fixture.model, try VersionName(validating: version))
      #expect(Set(manifest.weights.map(\.viewName)) == ["safetensors", "pt"])
    }
  }

  @Test func ofTwoImportsOfOtherWeightsAtOnceOneIsRefused() throws {
    let registry = try fixture.open()
    for round in 0..<20 {
      let version = "v\(round)"
      let errors = importAll(
        try [1, 2].map { bias in
          try request(
            "\(bias).safetensors", try SmallWeights.example(bias: bias).safetensors(), as: "safetensors",
            version: version)
        }, into: registry)
      #expect(errors.map(\.code) == [.differentWeights])
    }
  }
}
