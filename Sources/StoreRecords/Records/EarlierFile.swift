/// What an ordinary file of a published version was before it was replaced last.
package struct EarlierFile: Sendable, Hashable, Codable {
  package var file: FolderFile
  /// When it was replaced, in nanoseconds since 1970.
  package var replaced: Int64

  /// The same under another path.
  func moved(to path: String) -> EarlierFile { EarlierFile(file: file.moved(to: path), replaced: replaced) }

  /// Which of the files a program has replaced that is about to publish other weights: those since the longest pause between
  /// the publication of the edition that goes and `now`. Trainers write a configuration first, and then the weights.
  static func recent(
    among files: some Sequence<EarlierFile>, since published: Int64, now: Int64
  ) -> [EarlierFile] {
    let files = Array(files)
    let times = ([published, now] + files.map { min(max($0.replaced, published), now) }).sorted()
    let pauses = zip(times, times.dropFirst()).map { $0.1.subtractingReportingOverflow($0.0).partialValue }
    guard let longest = pauses.indices.max(by: { pauses[$0] < pauses[$1] }) else { return [] }
    return files.filter { $0.replaced >= times[longest + 1] }
  }
}
