import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightRegistry

@Suite struct ViewCacheTests {
  private let fixture: RegistryFixture
  private let registry: WeightRegistry

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
  }

  /// A version of so many tensors, and a view of it that is put together.
  private func open(tensorCount: Int) throws -> () throws -> VersionView {
    let weights = SmallWeights((0..<tensorCount).map { ("layer.\($0)", [Float($0)]) })
    let version = "v\(tensorCount)"
    try fixture.importFile(try weights.safetensors(), as: "safetensors", version: version, into: registry)
    return { try registry.views.open("pt", of: fixture.model, try VersionName(validating: version)) }
  }

  @Test func whatWasOpenedLastIsKept() throws {
    let open = try open(tensorCount: 3)
    weak let first = try open()
    #expect(first != nil)
    #expect(try first === open())
  }

  @Test func aViewThatTakesMuchMemoryIsSharedByThoseWhoHaveItOpenAndNotKept() throws {
    let open = try open(tensorCount: 60_000)
    weak var first: VersionView?
    do {
      let view = try open()
      #expect(try view === open())
      first = view
    }
    #expect(first == nil)
    #expect(try open().byteCount > 16 << 20)
  }
}
