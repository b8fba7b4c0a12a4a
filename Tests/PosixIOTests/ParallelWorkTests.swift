import PosixIO
import Synchronization
import Testing

@Suite struct ParallelWorkTests {
  @Test(arguments: [-1, 0, 1, 2, 16]) func everyPieceIsTakenOnceAndAllHaveEnded(count: Int) {
    let pieces = 1000
    let next = Mutex(0)
    let taken = Mutex([Int]())
    let ended = Mutex(0)
    ParallelWork.run(count) {
      while true {
        let piece = next.withLock { next in
          next += 1
          return next - 1
        }
        guard piece < pieces else { break }
        taken.withLock { $0.append(piece) }
      }
      ended.withLock { $0 += 1 }
    }
    #expect(taken.withLock { $0.sorted() } == Array(0..<pieces))
    #expect(ended.withLock { $0 } == max(1, count))
  }

  @Test func workMayHaveWorkOfItsOwn() {
    let sum = Mutex(0)
    ParallelWork.run(4) { ParallelWork.run(4) { sum.withLock { $0 += 1 } } }
    #expect(sum.withLock { $0 } == 16)
  }
}
