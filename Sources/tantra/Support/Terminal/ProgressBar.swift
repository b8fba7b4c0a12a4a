import Glibc
import StoreRecords
import Synchronization

/// A line on standard error that shows how far a long operation has come. Nothing is shown in the first second, nor where
/// standard error is not a terminal.
final class ProgressBar: Sendable {
  private struct State: Sendable {
    var phase: ProgressPhase?
    var phaseStart: ContinuousClock.Instant
    var lastDrawing: ContinuousClock.Instant
    var isDrawn = false
  }

  private let label: String
  private let clock = ContinuousClock()
  private let isShown = isatty(STDERR_FILENO) == 1 && Verbosity.current != .quiet
  private let state: Mutex<State>

  init(_ label: String) {
    self.label = label
    let now = clock.now
    state = Mutex(State(phaseStart: now, lastDrawing: now + .milliseconds(900)))
  }

  /// To be handed to the operation.
  var handler: ProgressHandler {
    { phase, done, total in
      self.update(phase, done, total)
      return true
    }
  }

  private func update(_ phase: ProgressPhase, _ done: Int, _ total: Int) {
    guard isShown, phase != .waiting else { return }
    let now = clock.now
    state.withLock { state in
      if state.phase != phase {
        state.phase = phase
        state.phaseStart = now
      }
      // The end is shown in any case: nothing comes after it while the disk is waited for.
      guard now - state.lastDrawing > (done < total ? .milliseconds(100) : .zero) else { return }
      state.lastDrawing = now
      state.isDrawn = true
      let elapsed = max(1e-3, (now - state.phaseStart) / .seconds(1))
      let rate = Double(done) / elapsed
      let left = rate > 0 ? Self.whole((Double(total) - Double(done)) / rate) : 0
      let percent = total > 0 ? min(100, max(0, Self.whole(100 * Double(done) / Double(total)))) : 100
      let filled = percent / 5
      let speed = phase.countsBytes ? Console.size(Self.whole(rate)) : "\(Self.whole(rate))"
      // What is read is still to be written to the disk, and to be recorded.
      let end = done < total ? "\(speed)/s, \(left) s left" : "finishing"
      let bar = " [\(String(repeating: "#", count: filled))\(String(repeating: ".", count: 20 - filled))]"
      let texts = [
        "\(label): \(phase.rawValue)\(bar) \(percent)% \(end)", "\(label): \(phase.rawValue) \(percent)% \(end)",
        "\(phase.rawValue) \(percent)% \(end)", "\(percent)%",
      ]
      // A line that is too long would go on in the next one, where it could not be removed.
      let room = max(1, (Terminal.errors.width ?? .max) - 1)
      let line = texts.first { $0.count <= room } ?? ""
      Console.write("\r\u{1B}[K\(line)", to: STDERR_FILENO)
    }
  }

  /// Sizes come from records, which may say anything.
  private static func whole(_ value: Double) -> Int { Int(exactly: value.rounded(.down)) ?? .max }

  /// Removes the line.
  func finish() {
    state.withLock { state in
      if state.isDrawn { Console.write("\r\u{1B}[K", to: STDERR_FILENO) }
    }
  }
}
