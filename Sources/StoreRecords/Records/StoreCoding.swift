import FoundationEssentials
import WeightFormats

/// How records are written as JSON: sorted keys, so that equal records have equal bytes.
package enum StoreCoding {
  /// JSON of `record`; `pretty` for files that people read, with a final newline.
  package static func encode(_ record: some Encodable, pretty: Bool) throws(StoreError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      pretty ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(record)) + (pretty ? Array("\n".utf8) : [])
    } catch {
      throw StoreError(.damaged, "cannot write a record as JSON: \(error)")
    }
  }

  /// Reads a record; `what` names it in the error.
  package static func decode<Record: Decodable>(
    _ type: Record.Type, from bytes: [UInt8], what: String
  ) throws(StoreError) -> Record {
    do {
      return try JSONDecoder().decode(type, from: Data(JSONReader.keepingLastMembers(of: bytes)))
    } catch let error as DecodingError {
      throw StoreError(.damaged, "\(what) is damaged: \(describe(error))")
    } catch {
      throw StoreError(.damaged, "\(what) is damaged: \(error)")
    }
  }

  private static func describe(_ error: DecodingError) -> String {
    func position(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return path.isEmpty ? "" : " at \(path)"
    }
    return switch error {
    case .keyNotFound(let key, let context): "\"\(key.stringValue)\" is missing\(position(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      "\(context.debugDescription)\(position(context))"
    @unknown default: "\(error)"
    }
  }
}
