import PosixIO
public import Tensors

/// A tensor and its data: contiguous, row-major, little-endian.
///
/// A tensor that was loaded is mapped from the store: its bytes are read from disk when they are touched, take no memory of
/// the process's own, and stay what they are whatever happens to the version meanwhile. Copying the value copies no data.
public struct Tensor: Sendable {
  private enum Storage: Sendable {
    case mapped(MappedFile, Range<Int>)
    case owned([UInt8])
  }

  /// The type of the elements.
  public let dtype: DType
  /// The dimensions, outermost first; empty for a scalar.
  public let shape: Shape
  private let storage: Storage

  /// A tensor of `bytes`, which are taken as they are.
  ///
  /// - Throws: `unacceptable` if they are not as many as `shape` elements of `dtype` take.
  public init(dtype: DType, shape: Shape, bytes: [UInt8]) throws(WeightError) {
    let expected = shape.elementCount.flatMap(dtype.byteCount(ofElements:))
    guard expected == bytes.count else {
      throw WeightError(
        .unacceptable,
        "\(dtype.rawValue) of shape \(shape) takes \(expected.map { "\($0) bytes" } ?? "no whole number of bytes"), "
          + "but \(bytes.count) were given")
    }
    self.init(dtype: dtype, shape: shape, storage: .owned(bytes))
  }

  /// A float32 tensor of `values` in row-major order; one dimension if no shape is given.
  ///
  /// - Throws: `unacceptable` if the values are not as many as the elements of `shape`.
  public init(_ values: [Float], shape: Shape? = nil) throws(WeightError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values { Swift.withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    try self.init(dtype: .float32, shape: shape ?? [values.count], bytes: bytes)
  }

  /// - Parameter range: a part of `file` that has as many bytes as `shape` elements of `dtype` take.
  init(dtype: DType, shape: Shape, file: MappedFile, range: Range<Int>) {
    self.init(dtype: dtype, shape: shape, storage: .mapped(file, range))
  }

  private init(dtype: DType, shape: Shape, storage: Storage) {
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
  }

  /// Bytes of the data.
  public var byteCount: Int {
    switch storage {
    case .mapped(_, let range): range.count
    case .owned(let bytes): bytes.count
    }
  }

  /// How many elements there are: the product of the dimensions.
  public var elementCount: Int { shape.elementCount ?? 0 }

  /// Gives `body` the data where it is; the buffer is valid only there. A mapped one may begin at any address: load
  /// elements with `loadUnaligned`.
  public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    switch storage {
    case .mapped(let file, let range): return try file.withBytes(in: range, body)
    case .owned(let bytes): return try bytes.withBytes(body)
    }
  }

  /// The elements of a float32 tensor in row-major order, copied; nil if the elements are of another type.
  public var floats: [Float]? {
    guard dtype == .float32 else { return nil }
    return withUnsafeBytes { buffer in
      (0..<elementCount).map { index in
        Float(bitPattern: UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
      }
    }
  }
}
