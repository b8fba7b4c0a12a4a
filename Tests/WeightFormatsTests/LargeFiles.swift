import TestSupport

private typealias P = TestPickle

extension HostileFile {
  private static let tensor = P.tensor(P.storage(count: 4), shape: [4], strides: [1])

  /// Honest files, large in a way that must not make their reader large.
  static let large: [HostileFile] = [
    HostileFile(pickle: "thirty texts of a megabyte") {
      var bytes = P.text("}(") + P.string("state_dict") + P.text("}") + P.string("w") + tensor + P.text("s")
      for index in 0..<30 {
        bytes += P.string("note \(index)") + P.string(String(repeating: "x", count: (1 << 20) - 1))
      }
      return P.whole(bytes + P.text("u"))
    },
    HostileFile(pickle: "one text of thirty megabytes") {
      P.dict([("w", tensor), ("log", P.string(String(repeating: "log\n", count: 30 << 18)))])
    },
    HostileFile(pickle: "bytes of sixty megabytes") {
      P.dict([("w", tensor), ("blob", P.text("B") + little(UInt32(60 << 20)) + [UInt8](repeating: 0, count: 60 << 20))])
    },
    HostileFile(pickle: "a numpy array of thirty megabytes as text") {
      let data =
        P.global("_codecs", "encode")
        + P.tuple(P.string(String(repeating: "\u{E9}", count: 15 << 20)), P.string("latin1"))
        + P.text("R")
      let type =
        P.global("numpy", "dtype") + P.tuple(P.string("u1"), [0x89], [0x88]) + P.text("R")
        + P.tuple(
          P.integer(3), P.string("|"), P.text("N"), P.text("N"), P.text("N"), P.integer(-1), P.integer(-1),
          P.integer(0)) + P.text("b")
      let array =
        P.global("numpy.core.multiarray", "_reconstruct")
        + P.tuple(P.global("numpy", "ndarray"), P.integers([0]), P.string("b")) + P.text("R")
        + P.tuple(P.integer(1), P.integers([15 << 20]), type, [0x89], data) + P.text("b")
      return P.dict([("w", tensor), ("n", array)])
    },
    HostileFile("400,000 entries of metadata") {
      var header = #"{"__metadata__":{"#
      for index in 0..<400_000 { header += "\"key number \(index)\":\"some value \(index)\"," }
      header += #""format":"pt"},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
      return little(UInt64(header.utf8.count)) + Array(header.utf8) + [0]
    },
  ]
}
