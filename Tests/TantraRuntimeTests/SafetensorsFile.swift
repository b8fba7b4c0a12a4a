import Foundation
import Tensors

/// The smallest writer of safetensors, so that these tests need no part of Tantra that writes files.
enum SafetensorsFile {
  /// The file's bytes: tensors in the order given, each filling a storage of its own.
  static func bytes(_ stateDict: StateDict, _ storages: [[UInt8]]) throws -> Data {
    struct Info: Encodable {
      let dtype = "F32"
      let shape: Shape
      let data_offsets: [Int]  // the format's name
    }
    var infos: [String: Info] = [:]
    var offset = 0
    for (tensor, storage) in zip(stateDict.tensors, storages) {
      infos[tensor.name] = Info(shape: tensor.shape, data_offsets: [offset, offset + storage.count])
      offset += storage.count
    }
    let header = try JSONEncoder().encode(infos)
    var file = Data(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init))
    file.append(header)
    for storage in storages { file.append(contentsOf: storage) }
    return file
  }
}
