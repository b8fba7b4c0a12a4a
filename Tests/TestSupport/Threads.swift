import Dispatch
import Foundation

/// Threads of their own: they all run at once, however few cores there are.
package enum Threads {
  /// Runs `body` on `count` threads, and waits for all of them.
  package static func run(_ count: Int, _ body: @escaping @Sendable (_ index: Int) -> Void) {
    let group = DispatchGroup()
    for index in 0..<count {
      group.enter()
      let thread = Thread {
        body(index)
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    group.wait()
  }
}
