import FoundationEssentials
import Glibc
import WeightFormats

/// Where a model is: as its user named it, and as that leads to a folder or a file now.
package struct ModelLocation: Sendable, Hashable {
  /// The path before links are followed.
  package let path: String

  /// - Parameters:
  ///   - name: a path if it holds a slash or is `.` or `..`, else a model of the mount.
  ///   - version: a version of a model of the mount; the active one if nil.
  ///   - mountpoint: `$TANTRA_MOUNT`, or `/weights`, if nil.
  /// - Throws: `usage` for a version of a path.
  package init(_ name: String, version: String? = nil, mountpoint: String? = nil) throws(RuntimeError) {
    if name.contains("/") || name == "." || name == ".." {
      guard version == nil else {
        throw RuntimeError(
          .usage, "a version goes with a model's name, not with a path: name the version's folder instead of \(name)")
      }
      path = name
      return
    }
    guard !name.isEmpty, version.map({ !$0.isEmpty && !$0.contains("/") && $0 != "." && $0 != ".." }) ?? true else {
      throw RuntimeError(.usage, "expected the name of a model and perhaps of a version, found an empty one or a path")
    }
    let mount = ProcessInfo.processInfo.environment["TANTRA_MOUNT"].flatMap { $0.isEmpty ? nil : $0 } ?? "/weights"
    path = "\(mountpoint ?? mount)/\(name)/\(version ?? "active")"
  }

  /// The folder or file itself, every link followed: what one load reads from, so that no switch can mix versions.
  ///
  /// - Throws: `noInput` if nothing is there.
  package func resolved() throws(RuntimeError) -> String {
    guard let real = realpath(path, nil) else {
      let reason = String(cString: strerror(errno))
      throw RuntimeError(
        .noInput,
        "\(path): \(reason); name a model of the mount at $TANTRA_MOUNT (/weights if that is not set), a folder with "
          + "config.json and weights, or a weight file beside its config.json")
    }
    defer { free(real) }
    return String(cString: real)
  }

  /// The files of a folder that may hold its weights, best first: they can be mapped alike, and safetensors is found soonest.
  static let weightNames =
    ["model.safetensors"]
    + WeightFormatCatalogue.views.map(\.fileName).filter {
      $0 != "model.safetensors"
    } + ["pytorch_model.bin"]
}
