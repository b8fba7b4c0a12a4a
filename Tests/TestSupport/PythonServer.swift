import Foundation
import PosixIO
import Synchronization

/// The process that runs Python programs for the tests; see `Tests/Oracles/server.py`.
///
/// It is started with the first program, and ends with this process.
final class PythonServer: Sendable {
  static let shared = Result { try PythonServer() }

  private let address: sockaddr_un
  private let addressSize: socklen_t

  private init() throws {
    let listener = try Self.call("socket") {
      socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }
    defer { close(listener) }
    // The system chooses a name outside of every folder.
    var (address, size) = (sockaddr_un(), socklen_t(MemoryLayout<sa_family_t>.size))
    address.sun_family = sa_family_t(AF_UNIX)
    try Self.call("bind") { Self.withAddress(&address) { bind(listener, $0, size) } }
    size = socklen_t(MemoryLayout<sockaddr_un>.size)
    try Self.call("getsockname") { Self.withAddress(&address) { getsockname(listener, $0, &size) } }
    try Self.call("listen") { listen(listener, 64) }
    (self.address, addressSize) = (address, size)
    _ = try ChildProcess(
      Python.interpreter, [Python.interpreter, Python.oraclesFolder + "/server.py"], output: STDERR_FILENO,
      inherited: listener)
  }

  /// What `server.py` reads.
  struct Request: Encodable {
    var script: String?
    var code: String?
    var arguments: [String]
    var output: String
    var errors: String
  }

  /// Runs a program and waits for its exit status.
  func run(_ request: Request) throws -> Int32 {
    let connection = try Self.call("socket") {
      socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }
    let stream = FileHandle(fileDescriptor: connection, closeOnDealloc: true)
    var address = address
    try Self.call("connect") { Self.withAddress(&address) { connect(connection, $0, addressSize) } }
    try stream.write(contentsOf: JSONEncoder().encode(request) + Data("\n".utf8))
    let answer = String(decoding: try stream.readToEnd() ?? Data(), as: UTF8.self)
    guard let status = Int32(answer) else { throw OracleFailure(description: "the Python server answered '\(answer)'") }
    return status
  }

  private static func withAddress<Value>(
    _ address: inout sockaddr_un, _ body: (UnsafeMutablePointer<sockaddr>) -> Value
  ) -> Value {
    withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
  }

  @discardableResult
  private static func call(_ name: String, _ body: () -> Int32) throws -> Int32 {
    try systemCall(name, "the Python server", body)
  }
}
