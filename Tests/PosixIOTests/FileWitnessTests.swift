import Foundation
import PosixIO
import TestSupport
import Testing

@Suite struct FileWitnessTests {
  /// Whether this process has a file of that name open, removed or not.
  private func isOpen(_ name: String) throws -> Bool {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").contains {
      // Descriptors of other tests may be closed meanwhile.
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0))?.contains(name) == true
    }
  }

  /// A refused upload gives its space back at once, wherever the work on its pages has come to.
  @Test(arguments: [100, 1 << 20, 40 << 20])
  func whatIsNoLongerWatchedIsNoLongerOpen(byteCount: Int) throws {
    let scratch = try TemporaryFolder()
    let folder = try Folder.open(scratch.path)
    for turn in 0..<(byteCount > 1 << 20 ? 5 : 50) {
      let name = "watched-\(UInt64.random(in: 0 ... .max))"
      do {
        let file = try folder.makeFile(name, exclusively: true)
        try file.write([UInt8](repeating: UInt8(turn), count: byteCount), at: 0)
        let witness = try FileWitness(file, isShared: true)
        try folder.removeFile(name)
        if turn % 2 == 1 { try witness.awaitClean(upTo: byteCount) }
      }
      #expect(try !isOpen(name), "turn \(turn)")
    }
  }
}
