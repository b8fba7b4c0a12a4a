import Glibc
import PosixIO

/// One change of a model's active version.
package struct ActiveSwitch: Sendable, Hashable, Codable {
  /// Nanoseconds since 1970.
  package var time: Int64
  package var actor: Actor
  /// nil for a model's first version.
  package var from: VersionName?
  package var to: VersionName
  /// Whether it took an earlier switch back.
  package var isRollback: Bool

  package init(time: Int64, actor: Actor, from: VersionName?, to: VersionName, isRollback: Bool) {
    self.time = time
    self.actor = actor
    self.from = from
    self.to = to
    self.isRollback = isRollback
  }
}

/// The process on whose behalf something changes.
package struct Actor: Sendable, Hashable, Codable {
  package var uid: UInt32
  package var pid: Int32
  /// The name of its program, as the kernel knows it; nil in records of older programs, and where nobody can tell.
  package var program: String?

  package init(uid: UInt32, pid: Int32, program: String? = nil) {
    self.uid = uid
    self.pid = pid
    self.program = program
  }

  /// A process that lives now, with the name of its program.
  package init(uid: UInt32, livingPid pid: Int32) { self.init(uid: uid, pid: pid, program: SystemFile.program(pid)) }

  /// `ada (1000)`.
  package var userText: String { UserAccount.text(uid) }

  /// `python3 (4711)`.
  package var processText: String { program.map { "\($0) (\(pid))" } ?? String(pid) }

  /// This process.
  package static var current: Actor { Actor(uid: getuid(), livingPid: getpid()) }
}

extension [ActiveSwitch] {
  /// The versions that were active one after another and not taken back, oldest first; the last is the active one.
  package var undoStack: [VersionName] {
    reduce(into: []) { stack, change in
      if change.isRollback {
        // A rollback may have passed over versions that are gone.
        if let index = stack.lastIndex(of: change.to) { stack.removeSubrange((index + 1)...) }
      } else {
        if stack.isEmpty, let from = change.from { stack.append(from) }
        stack.append(change.to)
      }
    }
  }
}
