import Glibc
import PosixIO
import StoreRecords

extension WebClient {
  private static let attempts = 5

  /// As `perform`, and tries again what may come right: connections that break, servers that are busy (408, 429, 5xx). Waits a
  /// little longer each time, and as long as a server asks for.
  ///
  /// - Parameter name: what is asked, in messages.
  /// - Throws: `interrupted`; `system(ETIMEDOUT)` if it does not come right.
  func retrying(
    _ name: String, unless interruption: Interruption, _ exchange: () throws -> Answer
  ) throws(StoreError) -> Answer {
    var reason = ""
    for attempt in 0..<Self.attempts {
      do {
        let answer = try exchange()
        guard Self.isPassing(answer.status), attempt + 1 < Self.attempts else { return answer }
        reason = "\(answer.status)"
        try Self.wait(attempt, asked: answer.headers["retry-after"].flatMap { Int($0) }, unless: interruption)
      } catch let error as StoreError {
        throw error
      } catch let failure as TransferFailure {
        switch failure.cause {
        case .stopped: throw StoreError(.interrupted, "stopped; run it again to go on where it was")
        case .lasting, .refused: throw StoreError(.system(errno: EHOSTUNREACH), "\(name): \(failure.message)")
        case .midway: throw StoreError(.system(errno: ECONNRESET), "\(name): \(failure.message)")
        case .passing:
          reason = failure.message
          try Self.wait(attempt, asked: nil, unless: interruption)
        }
      } catch {
        throw StoreError(.system(errno: EIO), "\(name): \(error)")
      }
    }
    throw StoreError(.system(errno: ETIMEDOUT), "\(name): \(reason), \(Self.attempts) times; try again later")
  }

  static func isPassing(_ status: Int) -> Bool { [408, 429, 500, 502, 503, 504].contains(status) }

  /// 100 ms, doubling up to 5 s, of which a part is left to chance; or what a server asks for, up to a minute.
  private static func wait(_ attempt: Int, asked: Int?, unless interruption: Interruption) throws(StoreError) {
    let longest = min(5_000, 100 << attempt)
    var rest = asked.map { min(60, max(0, $0)) * 1000 } ?? Int.random(in: longest / 2...longest)
    while rest > 0 {
      if interruption.isRequested { throw StoreError(.interrupted, "stopped; run it again to go on where it was") }
      usleep(UInt32(min(rest, 100)) * 1000)
      rest -= 100
    }
  }
}
