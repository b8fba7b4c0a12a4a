import ArgumentParser
import Glibc

/// Where a server listens, as somebody writes it: `9464`, `127.0.0.1`, `127.0.0.1:9464`, `[::1]:9464`, `:9464`.
struct ListenAddress: Hashable, ExpressibleByArgument {
  /// The port that is meant if none is named.
  static let usualPort: UInt16 = 9464

  /// Empty for all addresses of this machine.
  var host: String
  var port: UInt16

  /// nil for what is no address. A port alone is reached from this machine only.
  init?(argument: String) {
    if let port = UInt16(argument) {
      self.init(host: "127.0.0.1", port: port)
    } else if argument.allSatisfy(\.isNumber) {
      return nil
    } else if argument.hasPrefix("["), let end = argument.firstIndex(of: "]") {
      self.init(
        host: String(argument[argument.index(after: argument.startIndex)..<end]),
        afterHost: argument[argument.index(after: end)...])
    } else if let colon = argument.firstIndex(of: ":"), argument.lastIndex(of: ":") == colon {
      self.init(host: String(argument[..<colon]), afterHost: argument[colon...])
    } else {
      self.init(host: argument, afterHost: "")
    }
  }

  /// - Parameter rest: nothing, or a colon and a port.
  private init?(host: String, afterHost rest: Substring) {
    if rest.isEmpty {
      guard !host.isEmpty else { return nil }
      self.init(host: host, port: Self.usualPort)
    } else {
      guard rest.first == ":", let port = UInt16(rest.dropFirst()) else { return nil }
      self.init(host: host, port: port)
    }
  }

  private init(host: String, port: UInt16) { (self.host, self.port) = (host, port) }
}

/// A socket that waits for connections. It is closed with this object.
final class ListeningSocket {
  let descriptor: CInt
  /// Where it listens in fact: `127.0.0.1:9464`.
  let name: String

  /// Listens at all addresses that a name has.
  ///
  /// - Throws: if none of them can be had.
  static func all(at address: ListenAddress) throws(CommandFailure) -> [ListeningSocket] {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let host = address.host.isEmpty ? nil : address.host
    let result = getaddrinfo(host, String(address.port), &hints, &list)
    guard result == 0, let first = list else {
      throw CommandFailure(
        .usage, "\(address.host) is no address of this machine: \(String(cString: gai_strerror(result)))")
    }
    defer { freeaddrinfo(first) }
    var sockets: [ListeningSocket] = []
    var problem: CInt = 0
    for entry in sequence(first: first, next: { $0.pointee.ai_next }) {
      if let socket = ListeningSocket(entry.pointee) { sockets.append(socket) } else { problem = errno }
    }
    guard sockets.isEmpty else { return sockets }
    throw CommandFailure(
      problem == EACCES ? .notPermitted : .failed,
      "nothing can listen at \(address.host.isEmpty ? "*" : address.host):\(address.port): "
        + "\(String(cString: strerror(problem))); name another address or port with --listen")
  }

  /// nil and `errno` if the address cannot be had.
  private init?(_ entry: addrinfo) {
    descriptor = socket(entry.ai_family, entry.ai_socktype | CInt(SOCK_CLOEXEC.rawValue), entry.ai_protocol)
    guard descriptor >= 0 else { return nil }
    var yes: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size)
    if entry.ai_family == AF_INET6 { setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &yes, size) }
    guard bind(descriptor, entry.ai_addr, entry.ai_addrlen) == 0, listen(descriptor, 64) == 0,
      fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0
    else {
      let code = errno
      close(descriptor)
      errno = code
      return nil
    }
    name = Self.name(of: descriptor)
  }

  deinit { close(descriptor) }

  private static func name(of descriptor: CInt) -> String {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var (host, port) = ([CChar](repeating: 0, count: 64), [CChar](repeating: 0, count: 16))
    let result = withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &size) == 0
          && getnameinfo(
            address, size, &host, socklen_t(host.count), &port, socklen_t(port.count), NI_NUMERICHOST | NI_NUMERICSERV)
            == 0
      }
    }
    guard result else { return "?" }
    func text(_ characters: [CChar]) -> String {
      String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    let name = text(host)
    return (name.contains(":") ? "[\(name)]" : name) + ":" + text(port)
  }
}
