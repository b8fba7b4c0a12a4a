import Foundation

extension TemporaryFolder {
  /// Writes a file and answers with its path.
  @discardableResult
  package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: self(name)))
    return self(name)
  }

  /// The bytes of a file.
  package func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: self(name))))
  }

  /// Paths of all files below `name`, relative to the folder, in order.
  package func files(below name: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: self(name)).map { name + "/" + $0 }
      .filter { path in
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: self(path), isDirectory: &isFolder) && !isFolder.boolValue
      }.sorted()
  }
}
