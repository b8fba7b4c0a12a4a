/// Every format Tantra knows. A new format is a new file and one line here.
package enum WeightFormatCatalogue {
  /// All formats, in the order in which a file's beginning is offered to them.
  package static let formats: [any WeightFormat] = [
    SafetensorsFormat(), TorchZipFormat(), TorchLegacyFormat(), GGUFFormat(),
  ]

  /// The files that every version presents, in the order in which they are listed.
  package static let views: [ViewFormat] = formats.compactMap { $0 as? any SynthesizableFormat }
    .flatMap { format in format.viewExtensions.map { ViewFormat(name: $0, format: format) } }

  /// Extensions, without the dot, of files that may hold a state dict.
  package static let fileExtensions = Set(formats.flatMap(\.fileExtensions))

  /// The view with that name (`pt`); nil if there is none.
  package static func view(named name: some StringProtocol) -> ViewFormat? {
    views.first { $0.name == name }
  }

  /// The format that claims `source` by its first bytes.
  ///
  /// - Throws: `unrecognized`, with a guess at what the file is instead.
  package static func format(of source: any ByteSource) throws(FormatError) -> any WeightFormat {
    let head = try source.bytes(at: 0, count: min(64, source.byteCount), what: "the file's beginning")
    if let format = formats.first(where: { $0.recognizes(head, byteCount: source.byteCount) }) { return format }
    if let kind = try ForeignFile.kind(of: source) {
      throw FormatError(.unsupported, "not a weight file of a known format: \(kind)")
    }
    if ForeignFile.isUnwritten(head) {
      throw FormatError(
        .truncated,
        source.byteCount == 0
          ? "the file is empty: nothing was written to it yet" : "the file's beginning was not written yet")
    }
    throw FormatError(
      .unrecognized,
      "not a weight file: expected \(formats.map(\.name).joined(separator: ", ")), found bytes "
        + head.prefix(8).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined(separator: " "))
  }

  /// Recognizes a file and parses what is data in it: its state dict. Whoever calls this drops the file itself if it holds
  /// programs, as `programs` tells.
  package static func parseStateDict(
    _ source: any ByteSource
  ) throws(FormatError) -> (format: any WeightFormat, file: WeightFile) {
    let format = try format(of: source)
    return (format, try format.parseStateDict(source))
  }

  /// Recognizes and parses a file.
  package static func parse(
    _ source: any ByteSource
  ) throws(FormatError) -> (format: any WeightFormat, file: WeightFile) {
    let format = try format(of: source)
    return (format, try format.parse(source))
  }
}
