import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats

/// Pickles of torch and numpy with random damage, in archives whose checksums are right, and in legacy files: what is accepted here
/// must load in torch too, and hold the same tensors.
@Suite struct PickleMutationTests {
  private static let opcodes =
    Array("().012BCGJKMNQRTUX]abcdehjlqrstu}".utf8) + Array(0x80...0x96)

  /// Damages of each file. TANTRA_PICKLE_ROUNDS=1060 makes 20,000 files in all.
  private static let rounds = ProcessInfo.processInfo.environment["TANTRA_PICKLE_ROUNDS"].flatMap { Int($0) } ?? 100

  private func mutate(_ pickle: [UInt8], with numbers: inout SeededNumbers) -> [UInt8] {
    var pickle = pickle
    for _ in 0..<Int.random(in: 1...3, using: &numbers) {
      let position = Int.random(in: 2..<pickle.count, using: &numbers)
      let opcode = Self.opcodes[Int.random(in: 0..<Self.opcodes.count, using: &numbers)]
      switch Int.random(in: 0..<6, using: &numbers) {
      case 0: pickle[position] = opcode
      case 1: pickle[position] = UInt8.random(in: 0...255, using: &numbers)
      case 2: pickle[position] &+= [1, 255, 4, 128][Int.random(in: 0..<4, using: &numbers)]
      case 3: pickle.insert(opcode, at: position)
      case 4: pickle.removeSubrange(position..<min(position + Int.random(in: 1...8, using: &numbers), pickle.count))
      default:
        let end = min(position + Int.random(in: 1...40, using: &numbers), pickle.count)
        pickle.insert(contentsOf: pickle[position..<end], at: Int.random(in: 2..<pickle.count, using: &numbers))
      }
      if pickle.count < 4 { break }
    }
    return pickle
  }

  @Test func whatIsAcceptedLoadsInTorchAndIsTheSameThere() throws {
    let folder = try TemporaryFolder()
    try Python.oracle("torch_read.py", ["cases", folder.path])
    var numbers = SeededNumbers(state: 2026)
    var accepted: [(path: String, file: WeightFile, source: BufferSource)] = []
    var count = 0
    for name in [
      "dict", "views", "strided", "nested", "parameters", "dtype-float8_e4m3fn", "same-object", "counter", "attributes",
      "numpy", "numpy-4", "numpy-5", "protocol-1", "protocol-4",
    ] {
      let source = BufferSource(try contents(of: folder(name + ".pt")))
      let archive = try ZipReader(source)
      var records: [TestArchive.Record] = []
      for record in archive.records {
        var copy = TestArchive.Record(archive.name(of: record), try archive.contents(of: record, limit: 1 << 20))
        if record.byteCount == 0 { copy.flags = 0x0800 }
        records.append(copy)
      }
      for round in 0..<Self.rounds {
        count += 1
        var mutant = records
        let index = try #require(mutant.firstIndex { $0.name.hasSuffix("/data.pkl") })
        mutant[index].data = mutate(mutant[index].data, with: &numbers)
        let changed = BufferSource(TestArchive(mutant).bytes)
        guard let file = try? TorchZipFormat().parse(changed) else { continue }
        let path = folder("\(name)-\(round).pt")
        try Data(try changed.bytes(at: 0, count: changed.byteCount, what: path)).write(to: URL(fileURLWithPath: path))
        accepted.append((path, file, changed))
      }
    }
    for name in ["dict", "views", "strided", "parameters", "numpy"] {
      let original = try contents(of: folder("legacy-\(name).pt"))
      for round in 0..<Self.rounds {
        count += 1
        let changed = BufferSource(mutate(original, with: &numbers))
        guard let file = try? TorchLegacyFormat().parse(changed) else { continue }
        let path = folder("legacy-\(name)-\(round).pt")
        try Data(try changed.bytes(at: 0, count: changed.byteCount, what: path)).write(to: URL(fileURLWithPath: path))
        accepted.append((path, file, changed))
      }
    }
    #expect(count >= 19 * Self.rounds)
    #expect(accepted.count > count / 200)
    let output = try Python.oracle("torch_read.py", ["loadable"] + accepted.map(\.path))
    let loaded = try JSONDecoder().decode([TorchOracle?].self, from: Data(output.utf8))
    try #require(loaded.count == accepted.count)
    for (ours, theirs) in zip(accepted, loaded) {
      let label = String(ours.path.split(separator: "/").last ?? "")
      guard let theirs else {
        Issue.record("\(label): torch refuses what is accepted here")
        continue
      }
      try theirs.expect(ours.file, in: ours.source, label)
    }
  }
}
