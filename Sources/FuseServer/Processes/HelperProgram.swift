import CFuse
import Glibc

/// A short program run to its end.
package enum HelperProgram {
  package struct Result {
    /// The exit status, or 128 plus the signal that ended it.
    package var status: CInt
    /// What it wrote, at most 16 KiB.
    package var output: String
  }

  package struct Failure: Error {
    package var errno: CInt
  }

  package static func run(_ executable: String, _ arguments: [String]) throws(Failure) -> Result {
    let pipe: ChildPipe
    do throws(Failure) { pipe = try ChildPipe() } catch { throw error }
    let pid = Spawn.start(executable, arguments, output: pipe.writeEnd, inherited: -1, newSession: false)
    pipe.closeWriteEnd()
    guard pid > 0 else { throw Failure(errno: -pid) }
    var output = [UInt8]()
    while let chunk = pipe.read() { output += chunk.prefix(max(0, 16384 - output.count)) }
    return Result(status: Spawn.wait(for: pid) ?? 128, output: String(decoding: output, as: UTF8.self))
  }
}
