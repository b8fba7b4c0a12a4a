import Foundation
import Tensors
import TestSupport

/// State dicts that the oracle made, with what the reference writers wrote for them.
final class StateDictMatrix: Sendable {
  /// One state dict.
  struct Case {
    let name: String
    let stateDict: StateDict
    let storages: [[UInt8]]
    /// What `torch.save` wrote.
    let torch: [UInt8]
    /// What `save_file` wrote; nil if safetensors cannot hold the state dict.
    let safetensors: [UInt8]?

    var checksums: [StorageChecksum] { storages.map(StateDictMatrix.checksum) }
  }

  private let folder: TemporaryFolder
  let names: [String]

  /// The one matrix that all tests share; made once.
  private static let shared = Result {
    let matrix = try StateDictMatrix(seed: 20_260_101)
    // A static is never released, so its folder would outlive the tests.
    atexit { StateDictMatrix.removeSharedFolder() }
    return matrix
  }

  private static func removeSharedFolder() {
    do { try FileManager.default.removeItem(atPath: shared.get().folder.path) } catch { print("left behind: \(error)") }
  }

  /// Calls `body` with every case, one at a time, since together they are big.
  static func forEachCase(_ body: (Case) throws -> Void) throws {
    let matrix = try shared.get()
    for name in matrix.names { try body(try matrix.load(name)) }
  }

  /// The case of that name.
  static func load(_ name: String) throws -> Case { try shared.get().load(name) }

  /// What the store knows of a storage with these bytes.
  static func checksum(_ bytes: [UInt8]) -> StorageChecksum {
    var hasher = StorageHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.finalize()
  }

  private init(seed: Int) throws {
    folder = try TemporaryFolder()
    try Python.oracle("make_state_dicts.py", [folder.path, String(seed)])
    names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  private func load(_ name: String) throws -> Case {
    func bytes(_ file: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: folder("\(name)/\(file)"))))
    }
    let stateDict = try JSONDecoder().decode(StateDict.self, from: Data(bytes("state.json")))
    let data = try bytes("storages.bin")
    var storages: [[UInt8]] = []
    var position = 0
    for size in stateDict.storageSizes {
      storages.append(Array(data[position..<position + size]))
      position += size
    }
    let hasSafetensors = FileManager.default.fileExists(atPath: folder("\(name)/model.safetensors"))
    return Case(
      name: name, stateDict: stateDict, storages: storages, torch: try bytes("model.pt"),
      safetensors: hasSafetensors ? try bytes("model.safetensors") : nil)
  }
}
