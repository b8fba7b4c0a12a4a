import BlobStore
import PosixIO
import StoreRecords
import Tensors

/// A pack that is not a plain file. Where it is damaged, the tensors that lie there are named.
final class NamedPack: StoredBytes {
  private let pack: Blob
  private let table: Digest
  private let records: RecordStore

  init(_ pack: Blob, of table: Digest, in records: RecordStore) {
    self.pack = pack
    self.table = table
    self.records = records
  }

  var name: String { pack.name }
  var byteCount: Int { pack.byteCount }
  var localFile: OpenedFile? { pack.localFile }

  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    do throws(BlobStoreError) {
      try pack.read(range, into: buffer, unless: interruption)
    } catch .damaged(let name, let what) {
      throw .damaged(name, what + tensors(in: range).map { "; \($0) cannot be read" }.joined())
    }
  }

  /// Bytes that are tried by themselves, to find those that are damaged.
  private static let part = 128 << 10

  /// What lies in those parts of a range that cannot be read.
  private func tensors(in range: Range<Int>) -> [String] {
    let table: Table
    do throws(StoreError) { table = try records.table(self.table) } catch { return [] }
    guard let index = table.packs.firstIndex(where: { $0.blob == pack.id }) else { return [] }
    var found: [String] = []
    var start = range.lowerBound
    while start < range.upperBound {
      let part = start..<min((start / Self.part + 1) * Self.part, range.upperBound)
      do throws(BlobStoreError) {
        _ = try [UInt8](upTo: part.count) { (buffer) throws(BlobStoreError) in
          try pack.read(part, into: buffer)
          return part.count
        }
      } catch {
        found.append(table.contents(ofPack: index, in: part))
      }
      start = part.upperBound
    }
    return found
  }
}
