import Foundation
import TestSupport

/// A harmless file that tries what a hostile one would: to be taken for something else, or to exhaust its reader.
struct HostileFile: Sendable, CustomStringConvertible {
  /// A stretch of a file that is zero elsewhere.
  struct Stretch {
    var offset: Int
    var bytes: [UInt8]
  }

  let name: String
  private let make: @Sendable () -> (stretches: [Stretch], byteCount: Int)

  var description: String { name }

  /// A file given by its bytes.
  init(_ name: String, _ bytes: @escaping @Sendable () -> [UInt8]) {
    self.name = name
    make = {
      let bytes = bytes()
      return ([Stretch(offset: 0, bytes: bytes)], bytes.count)
    }
  }

  /// A file of `byteCount` bytes, most of them holes.
  init(_ name: String, byteCount: Int, _ stretches: @escaping @Sendable () -> [Stretch]) {
    self.name = name
    make = { (stretches(), byteCount) }
  }

  /// A torch archive around a pickle.
  init(pickle name: String, _ pickle: @escaping @Sendable () -> [UInt8]) {
    self.init(name) {
      TestArchive(pickle: pickle(), storages: [("0", [UInt8](repeating: 1, count: 16))]).bytes
    }
  }

  func write(to path: String) throws {
    let (stretches, byteCount) = make()
    try Data().write(to: URL(fileURLWithPath: path))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { file.closeFile() }
    try file.truncate(atOffset: UInt64(byteCount))
    for stretch in stretches {
      try file.seek(toOffset: UInt64(stretch.offset))
      try file.write(contentsOf: Data(stretch.bytes))
    }
  }
}
