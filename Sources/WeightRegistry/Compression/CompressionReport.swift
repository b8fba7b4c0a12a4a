import Tensors

/// What became of blobs that were to be compressed, or taken back.
package struct CompressionReport: Sendable, Hashable, Codable {
  /// What was meant.
  package enum Verb: String, Sendable, Codable {
    case compress, thaw
  }

  package var verb: Verb
  /// Versions that were looked at: `mamba/v1.0`, `mamba/v0.9@2`.
  package var versions: [String] = []
  /// Files that were written anew, and the bytes of all of them before and after.
  package var files = 0
  package var bytesBefore = 0
  package var bytesAfter = 0
  /// Files of these that are differences from other versions now, and the versions.
  package var differences = 0
  package var against: [String] = []
  /// Files that were so already.
  package var already = 0
  /// Files that stay as they are, since they would shrink by less than a tenth.
  package var hardlySmaller = 0
  /// Files that somebody still has open for writing.
  package var inUse = 0
  /// What is damaged, a sentence each.
  package var damaged: [String] = []
  /// Whether nothing was done, and sizes are estimated from samples.
  package var isDryRun = false

  package init(_ verb: Verb, isDryRun: Bool = false) {
    self.verb = verb
    self.isDryRun = isDryRun
  }

  /// Lines for people.
  package var text: String {
    var lines = [summary]
    for problem in damaged { lines.append(problem) }
    return lines.joined(separator: "\n") + "\n"
  }

  private var summary: String {
    let (before, after) = (ByteCount(bytes: bytesBefore), ByteCount(bytes: bytesAfter))
    var parts: [String] = []
    switch (verb, files) {
    case (.compress, 0): parts.append(isDryRun ? "would compress nothing" : "compressed nothing")
    case (.thaw, 0): parts.append("nothing to take back")
    case (.compress, _):
      parts.append(
        (isDryRun ? "would compress " : "compressed ") + "\(files.counted("file")): \(before) to "
          + (isDryRun ? "about " : "") + "\(after), \(CompressionStanding.percent(bytesAfter, of: bytesBefore))")
      if differences > 0 {
        parts.append("\(differences.counted("file")) as differences from \(against.joined(separator: ", "))")
      }
    case (.thaw, _): parts.append("took back \(files.counted("file")): \(before) to \(after)")
    }
    if already > 0 {
      parts.append("\(already.counted("file")) \(verb == .compress ? "compressed already" : "plain already")")
    }
    if hardlySmaller > 0 { parts.append("\(hardlySmaller.counted("file")) would hardly be smaller") }
    if inUse > 0 { parts.append("\(inUse.counted("file")) still open for writing") }
    return parts.joined(separator: "; ")
  }
}
