import FoundationEssentials
import FuseServer
import Glibc
import PosixIO
import SystemPackage
import Tensors

/// A fresh folder for all that is written while measuring; it goes with all that is in it.
final class BenchFolder {
  let path: String

  /// How many times a model's size is needed: a plain file, the blob, a plain torch file, and one that is being written.
  static let sizeFactor = 4
  /// For everything else.
  private static let margin = 64 << 20

  /// Makes the folder in `parent`.
  ///
  /// - Throws: where there is too little room for a model of `byteCount`.
  init(in parent: String, byteCount: Int) throws {
    let volume: VolumeStatus
    do {
      volume = try Folder.open(parent).volume()
    } catch {
      throw BenchFailure(.noInput, "\(error.description); --in names a folder to measure in")
    }
    let (product, overflow) = byteCount.multipliedReportingOverflow(by: Self.sizeFactor)
    let needed = overflow ? Int.max : max(product, product &+ Self.margin)
    guard volume.available >= needed else {
      throw BenchFailure(
        .inputOutput,
        "\(parent) has \(ByteCount(bytes: volume.available)) free, and a model of \(ByteCount(bytes: byteCount)) takes "
          + "\(ByteCount(bytes: needed)) while it is measured: use a smaller --size, or --in with a folder that has more room"
      )
    }
    do throws(PosixError) {
      path = try Folder.makeTemporary(in: parent, prefix: "tantra-bench-")
    } catch {
      let code = error.errno.rawValue
      throw BenchFailure(
        code == EACCES || code == EPERM || code == EROFS ? .notPermitted : .inputOutput,
        "\(parent): no folder can be made: \(String(cString: strerror(code))); --in names another place")
    }
  }

  /// The path of `name` in the folder.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Removes the folder. Throws if something in it is still mounted, or cannot be removed; it then says where it is.
  func remove() throws {
    let mounts = try MountTable.current().entries.filter { $0.mountpoint.hasPrefix(path + "/") }
    guard mounts.isEmpty else {
      throw BenchFailure(.failed, "\(mounts[0].mountpoint) is still mounted; unmount it and remove \(path)")
    }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw BenchFailure(.inputOutput, "\(path) could not be removed: \(error)")
    }
  }
}
