package import Tensors

/// What a parser found in a file: the state dict, where its storages' bytes are, and what else is there.
package struct WeightFile: Sendable, Hashable {
  /// Where the bytes of one storage come from.
  package enum StorageSource: Sendable, Hashable {
    /// The storage is this contiguous range of the file.
    case range(offset: Int, byteCount: Int)
    /// The storage does not exist as such: it is gathered, row-major, from a strided tensor in the file. Kept apart: there may be a
    /// million ranges.
    indirect case strided(StridedSource)
  }

  /// A tensor whose elements do not lie contiguously in the file.
  package struct StridedSource: Sendable, Hashable {
    /// File offset of element (0, ..., 0).
    package var offset: Int
    /// Bytes of one element.
    package var elementByteCount: Int
    package var dimensions: [Int]
    /// In elements, never negative; every reachable element lies inside the file.
    package var strides: [Int]
    /// Bytes of the text in the file that stands for the elements' bytes, each as a character up to U+00FF in UTF-8, from
    /// `offset` on; nil if the elements are there as they are.
    package var textByteCount: Int?
    /// The most significant byte of so many comes first; 0 if none does.
    package var swapWidth = 0

    package init(offset: Int, elementByteCount: Int, dimensions: [Int], strides: [Int]) {
      self.offset = offset
      self.elementByteCount = elementByteCount
      self.dimensions = dimensions
      self.strides = strides
    }
  }

  /// What a file states of a stretch of itself that storages are gathered from.
  package struct RecordChecksum: Sendable, Hashable {
    package var range: Range<Int>
    package var crc32: UInt32

    package init(range: Range<Int>, crc32: UInt32) {
      self.range = range
      self.crc32 = crc32
    }
  }

  package var stateDict: StateDict
  /// Parallel to `stateDict.storageSizes`. Ranges of different storages never overlap.
  package var storages: [StorageSource]
  /// Parallel to `storages`, or empty if the format has no checksums: what the file states of a storage's bytes, for whoever
  /// reads them to compare; nil where it states nothing.
  package var expectedCRC32: [UInt32?] = []
  /// The same for the stretches that strided storages are gathered from, each once; whoever gathers compares.
  package var recordChecksums: [RecordChecksum] = []
  /// Whether the file is a torch zip that holds the plain state dict and nothing else, so that `.pt` and `.bin` may share
  /// its bytes.
  package var isPlain: Bool
  /// What else the file carries, one line each (`optimizer: dict of 2`), for the manifest and the log.
  package var extras: [String]
  /// Globals that loading the file would import and that may be programs. Empty unless only the state dict was asked for.
  package var programs: [String] = []

  package init(stateDict: StateDict, storages: [StorageSource], isPlain: Bool, extras: [String] = []) {
    self.stateDict = stateDict
    self.storages = storages
    self.isPlain = isPlain
    self.extras = extras
  }
}
