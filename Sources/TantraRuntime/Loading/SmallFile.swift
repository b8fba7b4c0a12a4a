import PosixIO
import SystemPackage

/// Files that are read whole.
enum SmallFile {
  /// The bytes of a small file.
  static func contents(of path: String, limit: Int, missing: String) throws(RuntimeError) -> [UInt8] {
    do throws(PosixError) {
      return try OpenedFile.open(path).contents(limit: limit)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: throw RuntimeError(.noInput, "\(path): there is none: \(missing)")
      case .fileTooLarge: throw RuntimeError(.badData, "\(path): expected at most \(limit) bytes")
      default: throw RuntimeError(.system, error.description)
      }
    }
  }
}
