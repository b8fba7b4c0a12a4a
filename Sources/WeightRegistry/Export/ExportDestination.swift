import FoundationEssentials
import Glibc
import PosixIO
import StoreRecords
import SystemPackage

/// A folder that files are exported into. They are written into a hidden folder in it and moved to their names only when
/// all are complete and on disk.
struct ExportDestination {
  private let target: Folder
  private let staging: Folder
  private let stagingName: String
  private let replacing: Bool

  /// - Parameter names: what will be made in the target folder.
  /// - Throws: `alreadyExists` if one of them is there and is not to be replaced.
  init(_ path: String, making names: [String], replacing: Bool) throws(StoreError) {
    target = try posix(try Folder.make(path))
    self.replacing = replacing
    for name in names where !replacing {
      guard try posix(try target.status(of: name)) != nil else { continue }
      throw Self.exists(name, in: target)
    }
    stagingName = ".tantra-export.\(UInt64.random(in: .min ... .max))"
    staging = try posix(try target.makeFolder(stagingName))
  }

  private static func exists(_ name: String, in folder: Folder) -> StoreError {
    StoreError(.alreadyExists, "\(folder.path)/\(name) exists already; --force replaces it")
  }

  /// Writes a file into the hidden folder.
  func stage(_ item: ExportItem, progress: @escaping @Sendable (_ bytes: Int) -> Bool) throws(StoreError) {
    guard let (folders, name) = item.components else {
      throw StoreError(.damaged, "the manifest names a file \"\(item.path)\", which is outside its version")
    }
    var folder = staging
    for name in folders { folder = try posix(try folder.makeFolder(name)) }
    try item.make(name, in: folder, progress: progress)
    try posix(try folder.synchronize())
  }

  /// Gives staged files their names in the target folder.
  func finish(_ items: [ExportItem]) throws(StoreError) {
    for item in items { try move(item.path, from: staging, into: target) }
    try posix(try target.synchronize())
    discard()
  }

  /// Gives the hidden folder itself its name; if a folder of that name is there, replaces the files in it.
  func finish(asFolder name: String, _ items: [ExportItem]) throws(StoreError) {
    if try posix(try target.status(of: name)) == nil {
      do throws(PosixError) {
        try target.rename(stagingName, to: name, in: target)
        return try target.synchronize()
      } catch {
        // rename(2) replaces an empty folder, which holds nothing to be lost.
        guard [.directoryNotEmpty, .fileExists, .notDirectory].contains(error.errno) else { throw StoreError(error) }
        if !replacing { throw Self.exists(name, in: target) }
      }
    }
    let folder = try posix(try target.folder(name))
    for item in items {
      guard let (folders, file) = item.components else { continue }
      var source = staging
      var destination = folder
      for name in folders {
        source = try posix(try source.folder(name))
        destination = try posix(try destination.makeFolder(name))
      }
      try move(file, from: source, into: destination)
      try posix(try destination.synchronize())
    }
    discard()
  }

  private func move(_ name: String, from source: Folder, into destination: Folder) throws(StoreError) {
    let from = "\(source.path)/\(name)"
    let to = "\(destination.path)/\(name)"
    // link(2), unlike rename(2), refuses a name that somebody has made meanwhile.
    if !replacing {
      if link(from, to) == 0 { return }
      if errno == EEXIST { throw Self.exists(name, in: destination) }
      // A file system without hard links: what is left is to look first.
      if try posix(try destination.status(of: name)) != nil { throw Self.exists(name, in: destination) }
    }
    try posix(try source.rename(name, to: name, in: destination))
  }

  /// Removes the hidden folder with what is left in it.
  func discard() {
    do {
      try FileManager.default.removeItem(atPath: staging.path)
    } catch {
      // Nothing refers to it: its name says what it was, and anybody may remove it.
    }
  }
}
