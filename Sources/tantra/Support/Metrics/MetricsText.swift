import StoreClient

/// What is known of a mount, in Prometheus' text format, version 0.0.4.
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  let text: String

  /// What has been found by now. A mount that is not alive is a fact like others: `tantra_up 0`.
  init(_ findings: MountInquiry.Findings) {
    var text = Self.gauge("up", "Whether the mount answers.", findings.isAlive ? "1" : "0")
    if let version = findings.version {
      let labels = [
        ("version", version.program), ("store", version.store), ("mountpoint", findings.mountpoint ?? ""),
      ].map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
      text += Self.gauge("info", "What serves the mount, and where.", "1", labels: "{\(labels)}")
    }
    if let time = findings.answerTime {
      text += Self.gauge("answer_seconds", "Time until the mount had said who it is.", "\(time / .seconds(1))")
    }
    for line in (findings.status ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let help = Self.figures[String(words[0])] else { continue }
      text += Self.gauge(String(words[0]), help, String(words[1]))
    }
    self.text = text + (findings.metrics ?? "")
  }

  /// The figures of `.control/status`.
  private static let figures = [
    "models": "Models that have a version.",
    "versions": "Versions that the mount shows.",
    "files": "Files in the folders of versions.",
    "presented_bytes": "Bytes of the files that the mount shows.",
    "stored_bytes": "Bytes that the store holds for them.",
    "remote_up": "Whether the remote has answered the last request.",
    "remote_cached_bytes": "Bytes of weights that the cache holds.",
    "remote_cache_limit_bytes": "Bytes of weights that the cache may hold.",
    "remote_whole_bytes": "Bytes of weights of the mounted versions that are on the remote.",
    "remote_fetched_bytes": "Bytes that came from the remote since the mount began.",
    "remote_requests": "Requests that the remote has answered since the mount began.",
    "remote_errors": "Requests that came to nothing since the mount began.",
    "remote_damaged_chunks": "Chunks of the cache that were not what they should be since the mount began.",
    "remote_last_contact": "When the remote answered last, in seconds since 1970.",
    "compressed_bytes": "Those of them that are compressed.",
    "difference_bytes": "Those of these that are differences from other versions.",
  ]

  private static func gauge(_ name: String, _ help: String, _ value: String, labels: String = "") -> String {
    "# HELP tantra_\(name) \(help)\n# TYPE tantra_\(name) gauge\ntantra_\(name)\(labels) \(value)\n"
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  // MARK: For programs that read JSON

  /// A measurement.
  struct Sample: Encodable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  /// The measurements in the text, in its order.
  var samples: [Sample] {
    text.split(separator: "\n").compactMap { line in
      guard !line.hasPrefix("#"), let space = line.lastIndex(of: " "),
        let value = Double(line[line.index(after: space)...])
      else { return nil }
      let key = line[..<space]
      let name = key.prefix { $0 != "{" }
      return Sample(name: String(name), labels: Self.labels(in: key.dropFirst(name.count)), value: value)
    }
  }

  /// Reads `{model="mamba",format="pt"}`.
  private static func labels(in text: Substring) -> [String: String] {
    var labels: [String: String] = [:]
    var rest = text.dropFirst()
    while let equals = rest.firstIndex(of: "=") {
      let name = String(rest[..<equals])
      rest = rest[equals...].dropFirst(2)
      var value = ""
      while let character = rest.popFirst(), character != "\"" {
        guard character == "\\", let escaped = rest.popFirst() else {
          value.append(character)
          continue
        }
        value.append(escaped == "n" ? "\n" : escaped)
      }
      labels[name] = value
      // The comma, or the brace at the end.
      rest = rest.dropFirst()
    }
    return labels
  }
}
