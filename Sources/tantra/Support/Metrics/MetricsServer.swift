import Glibc
import PosixIO

/// A small HTTP server: `/metrics` for Prometheus, `/healthz` for whoever has to know whether the mount answers.
///
/// One thread serves all connections and waits for none of them, nor for the mount. A connection carries one request. What a client
/// can cost is bounded: so many connections, so long a head, so much time. If all places are taken, the connection whose client has
/// been waited for longest makes room. However many ask, the mount is asked each of the two questions once at a time, and five times
/// a second at most.
final class MetricsServer {
  /// How many clients are served at once.
  static let capacity = 64
  /// How long a client may take for its request, and again for its answer.
  static let patience = Duration.seconds(5)
  /// How many questions to a mount that does not answer may hold a thread.
  private static let mostUnanswered = 4
  /// How long an answer of the mount is good for others who ask.
  private static let freshness = Duration.milliseconds(200)

  private enum State {
    /// What has come of the request's head.
    case reading([UInt8])
    /// An answer of the mount is under way.
    case asking(MountInquiry, withoutBody: Bool)
    /// What is still to be sent.
    case writing(ArraySlice<UInt8>)
    /// All is sent: what the client still sends is thrown away, since closing would take the answer from it.
    case draining
  }

  private struct Connection {
    let socket: CInt
    var state = State.reading([])
    var deadline: ContinuousClock.Instant

    /// Whether it is the client's turn.
    var waitsForClient: Bool {
      if case .asking = state { false } else { true }
    }

    /// What poll(2) is asked for.
    var events: Int16 {
      switch state {
      case .reading, .draining: Int16(POLLIN)
      case .writing: Int16(POLLOUT)
      case .asking: 0
      }
    }
  }

  private let listeners: [ListeningSocket]
  private let locate: @Sendable () throws -> String
  private let clock = ContinuousClock()
  private var connections: [Connection] = []
  private var inquiries: [MountInquiry.Scope: MountInquiry] = [:]
  /// Questions that nobody waits for any more, and that still hold a thread.
  private var unanswered: [MountInquiry] = []
  /// Tells the thread that waits of an answer.
  private let wakeUp: ChildPipe
  /// Until when no connection is accepted, after the system has refused one.
  private var acceptsAfter: ContinuousClock.Instant

  /// - Parameters:
  ///   - listeners: where it listens.
  ///   - locate: finds the mount, for each question anew: it may be unmounted and mounted again.
  init(_ listeners: [ListeningSocket], mount locate: @escaping @Sendable () throws -> String) throws {
    (self.listeners, self.locate) = (listeners, locate)
    wakeUp = try ChildPipe()
    acceptsAfter = clock.now
  }

  deinit { for connection in connections { close(connection.socket) } }

  /// Serves until somebody ends it.
  func serve(unless isStopped: () -> Bool) throws {
    while !isStopped() {
      let hasRoom =
        (connections.count < Self.capacity || connections.contains(where: \.waitsForClient))
        && clock.now >= acceptsAfter
      var polled = [pollfd(fd: wakeUp.readEnd, events: Int16(POLLIN), revents: 0)]
      polled += listeners.map { pollfd(fd: $0.descriptor, events: hasRoom ? Int16(POLLIN) : 0, revents: 0) }
      let first = polled.count
      polled += connections.map { pollfd(fd: $0.socket, events: $0.events, revents: 0) }
      let count = poll(&polled, nfds_t(polled.count), timeout)
      if count < 0, errno != EINTR {
        throw CommandFailure(
          .inputOutput, "the server cannot wait for connections: \(String(cString: strerror(errno)))")
      }
      guard count >= 0 else { continue }
      if polled[0].revents != 0 { _ = try wakeUp.read() }
      // From the last to the first, so that one that ends moves none that is still to come.
      for index in connections.indices.reversed() where polled[first + index].revents != 0 {
        if !advance(&connections[index]) { end(index) }
      }
      for index in connections.indices.reversed() where !minded(&connections[index]) { end(index) }
      for (index, listener) in listeners.enumerated() where polled[1 + index].revents != 0 { accept(from: listener) }
    }
  }

  /// Milliseconds to the next deadline. Now and then it is looked whether somebody ends the server.
  private var timeout: CInt {
    let now = clock.now
    let next = connections.map(\.deadline).min().map { $0 - now } ?? .milliseconds(500)
    return CInt(max(0, min(500, (next / .milliseconds(1)).rounded(.up))))
  }

  // MARK: Connections

  private func end(_ index: Int) {
    close(connections[index].socket)
    connections.remove(at: index)
  }

  private func accept(from listener: ListeningSocket) {
    let socket = Glibc.accept(listener.descriptor, nil, nil)
    guard socket >= 0 else {
      // Without descriptors or memory the same would come again at once.
      if ![EAGAIN, EINTR, ECONNABORTED].contains(errno) { acceptsAfter = clock.now + .milliseconds(200) }
      return
    }
    guard fcntl(socket, F_SETFL, O_NONBLOCK) == 0, fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 else {
      close(socket)
      return
    }
    if connections.count >= Self.capacity {
      let waiting = connections.indices.filter { connections[$0].waitsForClient }
      guard let oldest = waiting.min(by: { connections[$0].deadline < connections[$1].deadline }) else {
        close(socket)
        return
      }
      end(oldest)
    }
    connections.append(Connection(socket: socket, deadline: clock.now + Self.patience))
  }

  /// Takes the next step of a connection whose socket is ready.
  ///
  /// - Returns: whether the connection goes on.
  private func advance(_ connection: inout Connection) -> Bool {
    switch connection.state {
    case .reading(let head): read(head, &connection)
    case .asking: false
    case .writing(let rest): write(rest, &connection)
    case .draining: drain(connection)
    }
  }

  private func read(_ head: [UInt8], _ connection: inout Connection) -> Bool {
    var buffer = [UInt8](repeating: 0, count: HTTPRequest.longestHead)
    let count = recv(connection.socket, &buffer, buffer.count, 0)
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    guard count > 0 else { return false }
    let bytes = head + buffer[..<count]
    do throws(HTTPStatus) {
      if let request = try HTTPRequest(bytes, lookingFrom: head.count) {
        answer(request, &connection)
      } else {
        connection.state = .reading(bytes)
      }
    } catch {
      send(HTTPResponse(error), &connection)
    }
    return true
  }

  private func write(_ rest: ArraySlice<UInt8>, _ connection: inout Connection) -> Bool {
    let count = rest.withUnsafeBytes {
      Glibc.send(connection.socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
    }
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    let left = rest.dropFirst(count)
    guard left.isEmpty else {
      connection.state = .writing(left)
      return true
    }
    shutdown(connection.socket, CInt(SHUT_WR))
    connection.state = .draining
    connection.deadline = clock.now + .seconds(1)
    return true
  }

  private func drain(_ connection: Connection) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(connection.socket, &buffer, buffer.count, 0)
    return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR)
  }

  // MARK: Requests

  private func answer(_ request: HTTPRequest, _ connection: inout Connection) {
    let isHead = request.method == "HEAD"
    let scope: MountInquiry.Scope? = ["/metrics": .metrics, "/healthz": .health][request.path]
    guard scope != nil || request.path == "/" else {
      return send(HTTPResponse(.notFound, "there are /metrics and /healthz\n"), &connection, withoutBody: isHead)
    }
    guard isHead || request.method == "GET" else { return send(HTTPResponse(.methodNotAllowed), &connection) }
    guard let scope else {
      return send(
        HTTPResponse(.ok, "Tantra: /metrics for Prometheus, /healthz\n"), &connection, withoutBody: isHead)
    }
    let inquiry = inquiry(scope)
    connection.state = .asking(inquiry, withoutBody: isHead)
    // Where another question has no answer yet, one that comes at all comes soon.
    connection.deadline = unanswered.isEmpty ? inquiry.deadline : min(inquiry.deadline, clock.now + Self.freshness)
  }

  /// The question that is under way or was answered a moment ago, else a new one; of a mount that has left too many unanswered the
  /// last of them.
  private func inquiry(_ scope: MountInquiry.Scope) -> MountInquiry {
    let now = clock.now
    unanswered.removeAll { $0.findings.isComplete }
    if let last = inquiries[scope] {
      let isComplete = last.findings.isComplete
      if isComplete ? now - last.began < Self.freshness : now < last.deadline { return last }
      if !isComplete {
        if unanswered.count >= Self.mostUnanswered { return last }
        unanswered.append(last)
      }
    }
    let pipe = WakeUp(wakeUp.writeEnd)
    let inquiry = MountInquiry(scope, at: locate) { pipe.signal() }
    inquiries[scope] = inquiry
    return inquiry
  }

  /// Looks whether a connection has waited long enough, for the mount or for its client.
  ///
  /// - Returns: whether the connection goes on.
  private func minded(_ connection: inout Connection) -> Bool {
    let isLate = clock.now >= connection.deadline
    switch connection.state {
    case .asking(let inquiry, let withoutBody):
      let findings = inquiry.findings
      guard findings.isComplete || isLate else { return true }
      send(
        response(to: inquiry.scope, findings, after: clock.now - inquiry.began), &connection, withoutBody: withoutBody)
      return true
    case .reading(let head) where isLate && !head.isEmpty:
      send(HTTPResponse(.requestTimeout), &connection)
      return true
    case .reading, .writing, .draining: return !isLate
    }
  }

  private func response(
    to scope: MountInquiry.Scope, _ findings: MountInquiry.Findings, after time: Duration
  ) -> HTTPResponse {
    var findings = findings
    // Half an answer is none.
    if !findings.isComplete { (findings.version, findings.answerTime) = (nil, nil) }
    return switch scope {
    case .metrics: HTTPResponse(.ok, MetricsText(findings).text, contentType: MetricsText.contentType)
    case .health where findings.isAlive: HTTPResponse(.ok, "ok\n")
    case .health: HTTPResponse(.unavailable, findings.reason(after: time) + "\n")
    }
  }

  private func send(_ response: HTTPResponse, _ connection: inout Connection, withoutBody: Bool = false) {
    connection.state = .writing(response.bytes(withoutBody: withoutBody)[...])
    connection.deadline = clock.now + Self.patience
  }
}

/// The end of a pipe into which an asking thread writes when it has an answer. The server that waits at the other end lives as
/// long as the process.
private struct WakeUp: Sendable {
  private let descriptor: CInt

  init(_ descriptor: CInt) { self.descriptor = descriptor }

  func signal() { Console.write("\n", to: descriptor) }
}
