package import StoreRecords
package import Tensors

/// What people write for something on a remote.
///
///     oci:DIR:TAG              an OCI image layout in a folder
///     HOST[:PORT]/REPO:TAG     a repository of a registry
///     https://HOST/PATH:TAG    an OCI image layout behind a web server, to read only
package struct RemoteReference: Sendable, Hashable, CustomStringConvertible {
  /// Where it is.
  package enum Place: Sendable, Hashable {
    /// An OCI image layout in a folder.
    case layout(folder: String)
    /// A repository of a registry; the host with its port.
    case registry(host: String, repository: String)
    /// An OCI image layout behind a web server.
    case mirror(url: String)
  }

  /// Which of the manifests there is meant.
  package enum Pick: Sendable, Hashable {
    case tag(String)
    case digest(Digest)
  }

  package var place: Place
  /// nil for all.
  package var pick: Pick?

  package init(place: Place, pick: Pick?) {
    self.place = place
    self.pick = pick
  }

  /// - Throws: `invalidName`, saying what was expected.
  package init(validating text: String) throws(StoreError) {
    if text.hasPrefix(Self.layoutPrefix) {
      let (folder, pick) = Self.split(text.dropFirst(Self.layoutPrefix.count))
      guard !folder.isEmpty, !folder.utf8.contains(0) else { throw Self.unknown(text) }
      self.init(place: .layout(folder: String(folder)), pick: pick)
      return
    }
    if text.hasPrefix("https://") || text.hasPrefix("http://") {
      // A colon before the path is that of a port.
      let hasPath = text.split(separator: "/").count > 2
      let (url, pick) = hasPath ? Self.split(text[...]) : (text[...], nil)
      guard WebAddress(String(url)) != nil else { throw Self.unknown(text) }
      self.init(place: .mirror(url: String(url)), pick: pick)
      return
    }
    guard let slash = text.firstIndex(of: "/"), Self.isHost(text[..<slash]) else { throw Self.unknown(text) }
    let (repository, pick) = Self.split(text[text.index(after: slash)...])
    guard Self.isRepository(repository) else {
      throw StoreError(
        .invalidName,
        "\"\(text)\" is no remote: a repository is lower-case letters, digits and single . _ - between them, in parts with /, "
          + "and a tag comes after a colon")
    }
    self.init(place: .registry(host: String(text[..<slash]), repository: String(repository)), pick: pick)
  }

  private static let layoutPrefix = "oci:"

  private static func unknown(_ text: String) -> StoreError {
    StoreError(
      .invalidName,
      "\"\(text)\" is no remote: "
        + (text.hasPrefix(".") || text.hasPrefix("/") ? "for a folder write oci:\(text); " : "")
        + "expected oci:FOLDER:TAG, HOST/REPOSITORY:TAG with a host as ghcr.io or localhost:5000, or "
        + "https://HOST/PATH:TAG"
    )
  }

  /// Whether a text is a host, perhaps with a port, and not the first part of a name: as Docker tells them apart.
  private static func isHost(_ text: Substring) -> Bool {
    guard text == "localhost" || text.contains(".") || text.contains(":"), text.contains(where: { $0 != "." }) else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
        UInt8(ascii: "["), UInt8(ascii: "]"):
        true
      default: false
      }
    }
  }

  /// Whether a text names a repository, as the distribution specification has it.
  private static func isRepository(_ text: Substring) -> Bool {
    guard text.utf8.count <= 255 else { return false }
    return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      part.wholeMatch(of: /[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*/) != nil
    }
  }

  /// Takes `@sha256:DIGEST` or `:TAG` off the end.
  private static func split(_ text: Substring) -> (rest: Substring, pick: Pick?) {
    if let mark = text.lastIndex(of: "@"), let digest = OCIDigest(text[text.index(after: mark)...]) {
      return (text[..<mark], .digest(digest.digest))
    }
    if let colon = text.lastIndex(of: ":"), isTag(text[text.index(after: colon)...]) {
      return (text[..<colon], .tag(String(text[text.index(after: colon)...])))
    }
    return (text, nil)
  }

  /// Whether a text can be a tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`, as the distribution specification has it.
  package static func isTag(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return isWord(first) && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }

  /// The same with a folder as this process finds it, for a process that is elsewhere.
  package func absolute(in folder: String) -> RemoteReference {
    var reference = self
    if case .layout(let path) = place, !path.hasPrefix("/") { reference.place = .layout(folder: folder + "/" + path) }
    return reference
  }

  /// The place alone, as it is written.
  package var placeText: String {
    switch place {
    case .layout(let folder): Self.layoutPrefix + folder
    case .registry(let host, let repository): "\(host)/\(repository)"
    case .mirror(let url): url
    }
  }

  package var description: String {
    switch pick {
    case .tag(let tag): "\(placeText):\(tag)"
    case .digest(let digest): "\(placeText)@\(OCIDigest(digest))"
    case nil: placeText
    }
  }
}
