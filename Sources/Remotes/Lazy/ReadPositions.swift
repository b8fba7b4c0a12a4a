/// Where readers of one blob are, so that what they need next is fetched before they ask for it. Several programs, and several
/// files that lie in one blob, read it at once: what counts is the position in the blob, not who has which file open.
struct ReadPositions: Sendable {
  private struct Reader: Sendable {
    /// The group that was read last.
    var group: Int
    /// How often it has gone on.
    var steps = 0
    /// How many groups are fetched ahead.
    var window = 0
    /// Rises with each use.
    var lastUse: UInt64
  }

  /// Readers that are told apart.
  private static let limit = 8
  /// Groups that are fetched ahead at first, and at most: 8 MiB, 128 MiB.
  private static let window = 4...64

  private var readers: [Reader] = []
  private var clock: UInt64 = 0

  /// Notes that a group is read, and answers which ones are to be fetched ahead, and how many of them by one request: none for
  /// somebody who jumps, or reads what lies around one place; twice as many with each step for somebody who goes on.
  mutating func advance(to group: Int, of groupCount: Int) -> (groups: Range<Int>, runGroupCount: Int) {
    clock += 1
    // Requests of one reader overtake each other a little.
    if let index = readers.firstIndex(where: { $0.group == group || $0.group == group + 1 }) {
      readers[index].lastUse = clock
      return (0..<0, 1)
    }
    if let index = readers.firstIndex(where: { $0.group + 1 == group }) {
      readers[index].group = group
      readers[index].lastUse = clock
      readers[index].steps += 1
      guard readers[index].steps > 1 else { return (0..<0, 1) }
      readers[index].window = min(max(Self.window.lowerBound, readers[index].window * 2), Self.window.upperBound)
      // Only whole requests, of which two are in a window at least: one that goes on by a group each time would make small ones.
      let runGroupCount = min(readers[index].window / 2, ChunkMap.runGroupCount)
      let end = group + 1 + readers[index].window
      return (min(group + 1, groupCount)..<min(end - end % runGroupCount, groupCount), runGroupCount)
    }
    if readers.count == Self.limit, let oldest = readers.indices.min(by: { readers[$0].lastUse < readers[$1].lastUse })
    {
      readers.remove(at: oldest)
    }
    readers.append(Reader(group: group, lastUse: clock))
    return (0..<0, 1)
  }
}
