import ArgumentParser
import WeightRegistry

/// `tantra doctor`
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check whether this machine can serve the store, and say what to do if not.",
    discussion: """
      Looks at FUSE (device, kernel, fusermount3, /etc/fuse.conf, passthrough), at limits, at mounts that their daemons \
      have left, and at the store: whether it is there, readable and writable, who uses it, and the space it has. It only \
      looks: nothing is changed, and no lock is taken. Whether the weights are whole is for tantra validate to say.

      Exit codes: 0 all is well, or there are only warnings; 1 something does not work; 64 wrong usage.
      """)

  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions
  @OptionGroup(visibility: .hidden) var sources: SystemSources

  private struct Report: Encodable {
    var checks: [Diagnosis]
    /// The worst of the outcomes.
    var outcome: Diagnosis.Outcome
  }

  func run() throws {
    let checks =
      SystemInspection(sources: sources).diagnoses + MountInspection(sources: sources).diagnoses
      + StoreInspection(path: try store.path, store: store, sources: sources).diagnoses
    let failures = checks.count { $0.outcome == .fail }
    let warnings = checks.count { $0.outcome == .warn }
    if json {
      let outcome: Diagnosis.Outcome = failures > 0 ? .fail : warnings > 0 ? .warn : .ok
      try Console.print(json: Report(checks: checks, outcome: outcome))
    } else {
      for check in checks { Console.print(text(of: check)) }
      Console.print("\(checks.count) checks: \(failures) failed, \(warnings) with a warning")
    }
    if failures > 0 { throw ExitCode(CommandFailure.Status.failed.rawValue) }
  }

  private func text(of check: Diagnosis) -> String {
    let width = 14
    let outcome =
      check.outcome == .fail ? Terminal.output.styled("FAIL", .failure) : check.outcome.rawValue.padded(to: 4)
    let line = "\(outcome)  \(check.name.padded(to: width))  \(check.found)"
    return check.fix.map { line + "\n" + String(repeating: " ", count: width + 8) + "fix: " + $0 } ?? line
  }
}
