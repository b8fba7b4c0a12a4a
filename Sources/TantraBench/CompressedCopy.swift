import FuseServer
import PosixIO

/// The version that is measured, once more: compressed, in a store of its own, with a mount of its own.
final class CompressedCopy {
  let mount: BenchMount
  /// Where the mount shows `model.safetensors`.
  let viewPath: String
  /// The compressed file behind it.
  let filePath: String

  /// Imports the plain file of a stage, and compresses it.
  init(of plainPath: String, in folder: BenchFolder, _ programs: Programs) throws {
    let storePath = folder("compressed-store")
    let target = ["--store", storePath]
    try programs.startTantra(["import", plainPath, "--model", "bench", "--version", "v1.0"] + target).succeed()
    try programs.startTantra(["compress", "bench/v1.0", "--base", "none"] + target).succeed()
    filePath = try BenchStage.largestFile(below: storePath + "/weights")
    mount = try BenchMount(
      storePath: storePath, mountpoint: folder("compressed-mount"), logPath: folder("compressed-daemon.log"))
    viewPath = mount.mountpoint + "/bench/v1.0/model.safetensors"
  }
}
