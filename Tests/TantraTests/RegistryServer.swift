import Foundation
import PosixIO
import TestSupport

/// docker-registry on a port of this machine, and servers before it. All of them end with this object.
final class RegistryServer {
  let scratch: TemporaryFolder
  /// The port of the registry.
  let port: Int
  private let registry: ChildProgram
  private var fronts: [ChildProgram] = []

  /// bcrypt of "secret", as htpasswd writes it.
  private static let passwords = "ada:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"

  /// The certificate of a registry that speaks TLS, which nobody has signed.
  var certificate: String { scratch("certificate.pem") }

  /// - Parameters:
  ///   - hasPassword: whether it takes the name ada and the password secret.
  ///   - isEncrypted: whether it speaks TLS.
  init(hasPassword: Bool = false, isEncrypted: Bool = false) throws {
    scratch = try TemporaryFolder()
    port = try Self.freePort()
    try scratch.write("passwords", Array(Self.passwords.utf8))
    let access = hasPassword ? "auth: {htpasswd: {realm: test, path: \(scratch("passwords"))}}\n" : ""
    var encryption = ""
    if isEncrypted {
      try Self.makeCertificate(scratch("certificate.pem"), key: scratch("key.pem"))
      encryption = ", tls: {certificate: \(scratch("certificate.pem")), key: \(scratch("key.pem"))}"
    }
    let settings = """
      version: 0.1
      log: {level: error}
      storage: {filesystem: {rootdirectory: \(scratch("registry"))}}
      http: {addr: "127.0.0.1:\(port)", secret: test\(encryption)}

      """
    try scratch.write("settings.yml", Array((settings + access).utf8))
    // It says much, which nobody reads unless something goes wrong: a pipe would be full one day.
    registry = try ChildProgram(
      "/bin/sh",
      ["-c", #"exec /usr/bin/docker-registry serve "$0" > "$1" 2>&1"#, scratch("settings.yml"), scratch("log")])
    let port = port
    guard eventually({ Self.listens(port) }) else {
      throw OracleFailure(description: "docker-registry does not start: \(registry.isRunning)")
    }
  }

  private static func makeCertificate(_ path: String, key: String) throws {
    let made = try Command.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", path,
      ])
    guard made.status == 0 else { throw OracleFailure(description: made.errorText) }
  }

  private static func socketAddress(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return address
  }

  private static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = socketAddress(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isBound else { throw OracleFailure(description: "no port is free") }
    return Int(in_port_t(bigEndian: address.sin_port))
  }

  private static func listens(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = socketAddress(port)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// Starts a server of `Tests/Oracles` before the registry, and answers with its port.
  ///
  /// - Parameter setting: the name of the file that says how it behaves; see ``set(_:_:)``.
  func front(_ script: String, _ setting: String, _ words: String) throws -> Int {
    try set(setting, words)
    let front = try ChildProgram(
      Python.interpreter, [Python.oraclesFolder + "/" + script, "\(port)", scratch(setting)])
    fronts.append(front)
    guard let port = try front.readLine().flatMap({ Int($0) }) else {
      throw OracleFailure(description: "\(script) does not start: \(try front.finish().output)")
    }
    return port
  }

  /// Lets a server before the registry behave in another way from now on.
  func set(_ setting: String, _ words: String) throws { try scratch.write(setting, Array(words.utf8)) }

  /// What `fault_proxy.py` has done to connections with a seed.
  func faults(of seed: Int) throws -> String {
    guard FileManager.default.fileExists(atPath: scratch("faults.log")) else { return "" }
    let lines = String(decoding: try scratch.read("faults.log"), as: UTF8.self).split(separator: "\n")
    return lines.filter { $0.hasPrefix("seed \(seed): ") }.joined(separator: ", ")
  }

  /// Bytes of all blobs that the registry keeps.
  func storedByteCount() throws -> Int {
    try scratch.files(below: "registry").filter { $0.hasSuffix("/data") }.reduce(0) { try $0 + scratch.read($1).count }
  }
}
