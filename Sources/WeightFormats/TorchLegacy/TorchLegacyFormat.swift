/// What torch wrote before 1.6, and still writes when it is told to: pickles one after the other, then raw storages.
package struct TorchLegacyFormat: WeightFormat {
  package init() {}

  package var name: String { "torch-legacy" }
  package var fileExtensions: [String] { ["pt", "bin", "pth", "ckpt"] }

  /// torch's magic number, pickled: after PROTO, the ten bytes of a LONG1.
  static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  package func recognizes(_ head: [UInt8], byteCount: Int) -> Bool {
    head.count >= 15 && head[0] == 0x80 && head[2..<4].elementsEqual([0x8A, 0x0A])
      && head[4..<14].elementsEqual(TorchLegacyFormat.magic)
  }
}
