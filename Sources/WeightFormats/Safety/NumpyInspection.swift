/// A look into numpy's own files: an array of objects is a pickle behind a header.
///
///     | 93 'NUMPY' | version: 2 bytes | header's length: 2 or 4 bytes | header: a Python literal | elements or a pickle |
///
/// Source: numpy/lib/_format_impl.py.
enum NumpyInspection {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  private static let headerLimit = 1 << 16

  /// Checks arrays that follow one another, and what comes after them.
  ///
  /// - Returns: false if the bytes do not begin with an array.
  static func check(_ stream: any ByteStream, what: String) throws(FormatError) -> Bool {
    var input = PickleInput(stream, what: what)
    guard try begins(&input) else { return false }
    repeat {
      guard let (type, shape) = try header(&input) else { return true }
      guard let byteCount = type.byteCount(shape) else {
        // The array itself is a pickle.
        _ = try PickleSequence.check(input, skipsArrays: false)
        return true
      }
      // An array that is cut off is the file's last.
      do throws(FormatError) { try input.skip(byteCount) } catch {
        guard error.code == .truncated else { throw error }
        return true
      }
    } while try begins(&input)
    return true
  }

  /// Whether an array comes next. If something else does, it is checked.
  private static func begins(_ input: inout PickleInput) throws(FormatError) -> Bool {
    if try input.isAtEnd() { return false }
    while input.window.count - input.cursor < magic.count, try input.fetchMore() {}
    guard input.window[input.cursor...].starts(with: magic) else {
      guard input.position > 0 else { return false }
      _ = try PickleSequence.check(input, skipsArrays: false)
      return false
    }
    try input.skip(magic.count)
    return true
  }

  private static func header(_ input: inout PickleInput) throws(FormatError) -> (PythonLiteral, [Int])? {
    do throws(FormatError) {
      let version = try input.byte()
      _ = try input.byte()
      let count = Int(try input.integer(version == 1 ? 2 : 4))
      guard count <= headerLimit else {
        throw FormatError(.limit, "\(input.what): the header of a numpy array has \(count) bytes")
      }
      let range = try input.take(count)
      let literal = try PythonLiteral(Array(input.window[range]))
      guard let type = literal["descr"], let shape = literal["shape"]?.integers, shape.allSatisfy({ $0 >= 0 }) else {
        throw FormatError(.unsupported, "\(input.what): the header of a numpy array is not understood")
      }
      return (type, shape)
    } catch {
      // numpy cannot read such a file either.
      guard error.code == .truncated else { throw error }
      return nil
    }
  }
}

extension PythonLiteral {
  /// Bytes that elements of this dtype take; nil if they are objects, or nobody knows.
  fileprivate func byteCount(_ shape: [Int]) -> Int? {
    guard var count = elementByteCount else { return nil }
    for length in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard !overflow else { return nil }
      count = product
    }
    return count
  }

  private var elementByteCount: Int? {
    switch self {
    case .text(let code): return NumpyType(code: code.prefix { $0 != UInt8(ascii: "[") })?.byteCount
    case .list(let fields):
      var sum = 0
      for field in fields {
        guard case .tuple(let parts) = field, (2...3).contains(parts.count) else { return nil }
        guard let count = parts[1].byteCount(parts.count == 3 ? parts[2].integers ?? [] : []) else { return nil }
        sum += count
      }
      return sum
    default: return nil
    }
  }
}
