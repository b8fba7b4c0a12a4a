import PosixIO
import WeightFormats

/// What is said of a file: whether it opens where pickles are judged, and whether it becomes weights.
struct Verdict: CustomStringConvertible {
  let path: String
  /// Why it is not known to be inert; nil if it is.
  var danger: String?
  /// Why it is no weight file; nil if it is.
  var refusal: String?

  init(_ path: String) throws {
    self.path = path
    let source = try FileSource(OpenedFile.open(path))
    do throws(FormatError) { try PickleSafety.check(source) } catch { danger = error.message }
    do throws(FormatError) {
      _ = try WeightFormatCatalogue.parse(source)
    } catch {
      refusal = "\(error.code.rawValue): \(error.message)"
    }
  }

  var description: String { "\(path)\t\(danger ?? "inert")\t\(refusal ?? "weights")" }
}
