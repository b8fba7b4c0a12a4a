import StoreRecords
import Tensors

/// Changes of a folder, made up from a seed. Most can be carried out; some cannot, as in a journal that somebody has made up.
struct RandomChanges: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    // xorshift64*.
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  private static let files = [
    "config.json", "notes.txt", "sub/a.txt", "sub/b.txt", "sub/deep/c.txt", "other/d.txt", ".hidden.tmp",
    "sub/.part", "model-00001-of-00002.safetensors",
  ]
  private static let folders = ["sub", "sub/deep", "other", "empty", "empty/inner"]
  private static let weights = ["model.safetensors", "model.pt", "model.bin", "unet/diffusion.safetensors"]

  private mutating func file(_ path: String) -> FolderFile {
    let number = Int.random(in: 0..<50, using: &self)
    let modified = Int64.random(in: 0..<1000, using: &self)
    switch Int.random(in: 0..<5, using: &self) {
    case 0, 1:
      var file = RecordsFixture.file(path, seed: number, modified: modified)
      if number % 3 == 0 { file.properties = properties(number) }
      return file
    case 2: return FolderFile(path: path, link: LinkTarget("target \(number)"), modified: modified)
    default: break
    }
    return FolderFile(path: path, content: .upload("upload.\(number)"), byteCount: number, modified: modified)
  }

  private func properties(_ number: Int) -> FileProperties {
    let properties = FileProperties(permissions: 0o2700, changed: Int64(number))
    return number % 2 == 0 ? properties : properties.with([0, 0xFF, UInt8(number)], of: "user.e\u{301}")
  }

  /// A change that a mount might make of `folder`.
  mutating func change(of folder: VersionFolder) -> FolderChange {
    let path = Self.files.randomElement(using: &self) ?? ""
    let inner = Self.folders.randomElement(using: &self) ?? ""
    let weights = Self.weights.randomElement(using: &self) ?? ""
    switch Int.random(in: 0..<12, using: &self) {
    case 0...3: return .put(file(path))
    case 4: return folder.removal(of: path) ?? .remove(path)
    case 5: return folder.removal(of: weights) ?? .show(weights)
    case 6: return .show(Bool.random(using: &self) ? path : weights)
    case 7: return .makeFolder(inner)
    case 8: return .removeFolder(inner)
    case 9:
      let old = Bool.random(using: &self) ? "unet" : inner
      return .moveFolder(FolderMove(from: old, to: Self.folders.randomElement(using: &self) ?? ""))
    case 10:
      let number = Int.random(in: 0..<50, using: &self)
      let status = FolderStatus(modified: Int64(number), properties: properties(number))
      return .setFolder(Bool.random(using: &self) ? inner : "", status)
    default: return .setModified(Bool.random(using: &self) ? path : weights, Int64.random(in: 0..<1000, using: &self))
    }
  }
}
