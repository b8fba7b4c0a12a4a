import FoundationEssentials
import Glibc
import PosixIO
import StoreRecords
import SystemPackage

/// Names and passwords as Docker, podman and skopeo keep them: files that `docker login` writes, and programs that know them.
///
/// Looked at in this order: `$REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, and
/// `$XDG_RUNTIME_DIR/containers/auth.json`.
struct DockerCredentials: Sendable {
  enum Secret: Sendable, Hashable {
    /// What `Authorization: Basic` is followed by.
    case basic(String)
    /// What a token server gives tokens for.
    case refreshToken(String)
  }

  private struct File: Decodable {
    struct Entry: Decodable {
      var auth: String?
      var identitytoken: String?
    }
    var auths: [String: Entry]?
    var credHelpers: [String: String]?
    var credsStore: String?
  }

  /// Bytes that such a file may have.
  private static let limit = 4 << 20

  private static func value(_ name: String) -> String? {
    guard let text = getenv(name), text.pointee != 0 else { return nil }
    return String(cString: text)
  }

  private static var paths: [String] {
    [
      value("REGISTRY_AUTH_FILE"),
      value("DOCKER_CONFIG").map { $0 + "/config.json" } ?? value("HOME").map { $0 + "/.docker/config.json" },
      value("XDG_RUNTIME_DIR").map { $0 + "/containers/auth.json" },
    ].compactMap(\.self)
  }

  /// What is known of a repository of a registry; nil for nothing.
  ///
  /// - Throws: `damaged` if a file cannot be read, or a helper fails.
  static func secret(for host: String, _ repository: String) throws(StoreError) -> Secret? {
    for path in paths {
      let bytes: [UInt8]
      do throws(PosixError) { bytes = try OpenedFile.open(path).contents(limit: limit) } catch {
        if [.noSuchFileOrDirectory, .notDirectory].contains(error.errno) { continue }
        throw StoreError(error)
      }
      let file = try StoreCoding.decode(File.self, from: bytes, what: path)
      if let secret = try secret(for: host, repository, in: file) { return secret }
    }
    return nil
  }

  private static func secret(
    for host: String, _ repository: String, in file: File
  ) throws(StoreError) -> Secret? {
    // Docker Hub is kept under the name of its first edition.
    let server = host == "registry-1.docker.io" ? "https://index.docker.io/v1/" : host
    if let helper = file.credHelpers?[server] ?? file.credHelpers?[host] { return try ask(helper, server) }
    // podman may keep one for a part of a registry: the longest name counts.
    var keys = [server, host, "https://" + host, "http://" + host, "https://\(host)/v1/", "https://\(host)/v2/"]
    if host == "registry-1.docker.io" { keys.append("docker.io") }
    let parts = repository.split(separator: "/")
    for count in 1...max(1, parts.count) { keys.insert(host + "/" + parts.prefix(count).joined(separator: "/"), at: 0) }
    for key in keys {
      guard let entry = file.auths?[key] else { continue }
      if let token = entry.identitytoken, !token.isEmpty { return .refreshToken(token) }
      if let auth = entry.auth, !auth.isEmpty {
        guard isHeader(auth) else { throw StoreError(.damaged, "the password of \(key) is not kept as base64") }
        return .basic(auth)
      }
    }
    if let helper = file.credsStore { return try ask(helper, server) }
    return nil
  }

  /// Whether a text may stand in the head of a request.
  static func isHeader(_ text: String) -> Bool { text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }

  /// Asks `docker-credential-<name>`; nil if it knows nothing.
  private static func ask(_ name: String, _ server: String) throws(StoreError) -> Secret? {
    guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }) else {
      throw StoreError(.damaged, "a credential helper has the name \(name.debugDescription), which no program has")
    }
    let program = "docker-credential-\(name)"
    guard let path = ChildProgram.find(program) else {
      throw StoreError(
        .system(errno: EACCES),
        "the password of \(server) is with \(program), which is not in PATH: install it, or log in again")
    }
    // A child gets its standard input from nowhere: a shell hands the name of the server over.
    let end = try posix(
      try ChildProgram.run(
        "/bin/sh", ["-c", #"printf %s "$2" | "$1" get 2>/dev/null"#, "sh", path, server], name: program))
    guard end.status == 0 else { return nil }
    struct Found: Decodable { var Username: String, Secret: String }
    let found = try StoreCoding.decode(Found.self, from: Array(end.output.utf8), what: "what \(program) says")
    if found.Username == "<token>" { return .refreshToken(found.Secret) }
    return .basic(Data("\(found.Username):\(found.Secret)".utf8).base64EncodedString())
  }
}
