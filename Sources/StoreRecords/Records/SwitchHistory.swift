import PosixIO

/// `history/<model>.jsonl`: how a model's active version got where it is, a switch a line, oldest first.
///
/// A line is written, durably, before the switch that it tells of takes effect in `weight_config.json`, which says up to when
/// lines count. So a switch costs the same however many there were, and one that came to nothing is in no history.
struct SwitchHistory: Sendable {
  /// How many switches are remembered at least.
  static let limit = WeightConfig.Model.historyLimit
  /// Far more than so many lines can have.
  private static let byteLimit = 16 << 20

  /// nil if there is none, in a store that is open for reading.
  let folder: Folder?

  static func fileName(of model: ModelName) -> String { "\(model).jsonl" }

  /// The switches up to the time `last`, oldest first; none without it.
  func switches(of model: ModelName, until last: Int64?) throws(StoreError) -> [ActiveSwitch] {
    guard let folder, let last else { return [] }
    let name = Self.fileName(of: model)
    let lines = Self.lines(of: try ifThere(try folder.contents(of: name, limit: Self.byteLimit)) ?? [])
    let list = [UInt8(ascii: "[")] + lines.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    let switches = try StoreCoding.decode([ActiveSwitch].self, from: list, what: "history/\(name)")
    return Array(switches.prefix { $0.time <= last }.suffix(Self.limit))
  }

  /// Adds a switch, durably. Lines that do not count, which a process that ended too early left, go.
  ///
  /// - Parameter last: the time of the last switch that counts.
  func append(_ change: ActiveSwitch, of model: ModelName, after last: Int64?, staging: Folder) throws(StoreError) {
    guard let folder else { throw StoreError(.readOnly, "the store is open for reading only") }
    let name = Self.fileName(of: model)
    let line = try StoreCoding.encode(change, pretty: false) + [newline]
    let bytes = try ifThere(try folder.contents(of: name, limit: Self.byteLimit)) ?? []
    let lines = Self.lines(of: bytes)
    let isInOrder = last != nil && bytes.last == newline && lines.last.flatMap(Self.change)?.time == last
    // Twice as many as are shown, so that not every switch writes all of them.
    if isInOrder, lines.count < 2 * Self.limit {
      let file = try posix(try folder.makeFile(name, exclusively: false))
      try posix(try file.write(line, at: bytes.count))
      return try posix(try file.synchronize())
    }
    let known = lines.compactMap(Self.change).prefix { $0.time <= last ?? .min }
    let text = try Self.text(of: known.suffix(Self.limit - 1)) + line
    try posix(try folder.replace(name, with: text, staging: staging))
  }

  /// The lines that are whole.
  private static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes[..<(bytes.lastIndex(of: newline) ?? 0)].split(separator: newline)
  }

  /// What a line tells; nil if it is damaged.
  private static func change(_ line: ArraySlice<UInt8>) -> ActiveSwitch? {
    do throws(StoreError) {
      return try StoreCoding.decode(ActiveSwitch.self, from: Array(line), what: "a line")
    } catch {
      return nil
    }
  }

  /// A whole file.
  static func text(of switches: some Sequence<ActiveSwitch>) throws(StoreError) -> [UInt8] {
    var bytes: [UInt8] = []
    for change in switches { bytes += try StoreCoding.encode(change, pretty: false) + [newline] }
    return bytes
  }
}

private let newline = UInt8(ascii: "\n")
