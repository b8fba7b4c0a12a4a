import Glibc
import Synchronization

/// Failures on purpose, for tests: what the environment variable `TANTRA_FAULT` asks for happens at a durable step, that is
/// at a system call by which this process changes a file system.
///
///     kill:*:7              the process ends, as by kill -9, before its seventh step
///     28:pwrite,fsync:3     the third call of these two fails with errno 28
///     28:pwrite,fsync:3+    and so do all later ones
///     trace:*:1+            every step is a line on standard error: "step", the call and the path, between tabs
package struct FaultPlan: Sendable, Hashable {
  /// What happens at a step.
  package enum Action: Sendable, Hashable {
    case kill
    case fail(errno: CInt)
    case trace
  }

  /// What this process was started with; nil, and nothing happens, without the variable.
  static let current = getenv("TANTRA_FAULT").flatMap { FaultPlan(String(cString: $0)) }
  private static let steps = Atomic(0)

  package var action: Action
  /// The calls that count; empty for all.
  package var calls: Set<String>
  /// Which of them it is that fails, from 1.
  package var first: Int
  /// Whether all later ones fail, too.
  package var goesOn: Bool

  /// - Parameter text: what the variable holds; nil for what is none of the forms above.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    switch parts[0] {
    case "kill": action = .kill
    case "trace": action = .trace
    default:
      guard let code = CInt(parts[0]), code > 0 else { return nil }
      action = .fail(errno: code)
    }
    calls = parts[1] == "*" ? [] : Set(parts[1].split(separator: ",").map(String.init))
    goesOn = parts[2].hasSuffix("+")
    guard let number = Int(goesOn ? parts[2].dropLast() : parts[2]), number > 0 else { return nil }
    first = number
  }

  /// Whether the call that counts as number `step` is one to fail.
  package func concerns(_ step: Int) -> Bool { step == first || goesOn && step > first }

  /// Counts a step, and does what the plan has for it.
  ///
  /// - Returns: the errno with which the call has to fail; nil if it is to be made.
  func reach(_ call: String, _ path: String) -> CInt? {
    guard calls.isEmpty || calls.contains(call),
      concerns(Self.steps.add(1, ordering: .relaxed).newValue)
    else { return nil }
    switch action {
    case .fail(let code): return code
    case .kill:
      _ = Glibc.kill(getpid(), SIGKILL)
      // Other threads may get this far before the signal does.
      while true { pause() }
    case .trace:
      let line = Array("step\t\(call)\t\(path)\n".utf8)
      _ = Glibc.write(STDERR_FILENO, line, line.count)
      return nil
    }
  }
}

/// A ``systemCall(_:_:_:)`` that changes what a file system holds: a step at which tests let the machine stop.
@discardableResult
func durableCall<R: BinaryInteger>(
  _ call: String, _ path: @autoclosure () -> String, _ body: () -> R
) throws(PosixError) -> R {
  try systemCall(call, path()) {
    if let plan = FaultPlan.current, let code = plan.reach(call, path()) {
      errno = code
      return -1
    }
    return body()
  }
}
