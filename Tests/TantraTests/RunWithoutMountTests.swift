import Foundation
import TestSupport
import Testing

/// `tantra run` on a store that nobody has mounted.
@Suite struct RunWithoutMountTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  private func run(_ arguments: [String], input: String = "") throws -> Command {
    let file = try fixture.scratch.write("input-\(UUID().uuidString)", Array(input.utf8))
    // A scratch folder of its own tells what is left behind.
    let scratch = fixture.scratch("tmp")
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    return try Command.run(
      "/bin/sh",
      ["-c", #"input=$1; shift; exec "$@" < "$input""#, "sh", file, TantraFixture.executable, "run"] + arguments,
      environment: ["TANTRA_STORE": fixture.storePath, "TANTRA_MOUNT": "", "TMPDIR": scratch])
  }

  @Test func theTextMayBeAnArgumentAnOptionOrStandardInput() throws {
    let first = try run(["mamba", "In the beginning", "--max-tokens", "12"])
    #expect(first.status == 0 && first.errorText.isEmpty && !first.output.isEmpty, "\(first.errorText)")
    for (arguments, input) in [
      (["mamba", "--prompt", "In the beginning"], ""), (["mamba"], "In the beginning\n"),
      (["mamba", "-"], "In the beginning"),
      (["mamba/v1.0", "In the beginning"], ""), (["mamba", "--version", "v1.0", "In the beginning"], ""),
    ] {
      let other = try run(arguments + ["--max-tokens", "12"], input: input)
      #expect(other.output == first.output, "\(arguments): \(other.errorText)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("tmp")).isEmpty)
  }

  @Test func aModelWhoseFormatsAreAllPutTogetherRuns() throws {
    try fixture.succeed("export", "mamba", "--folder", "--to", fixture.scratch("out"))
    let before = try run(["mamba", "abc", "--max-tokens", "8"])
    // The same tensors under other names of files: the second version's file is stitched from the first's.
    try fixture.succeed("export", "mamba", "--format", "pt", "--to", fixture.scratch("pt"))
    let pt = fixture.scratch("pt/mamba_v1.0_pt.pt")
    let config = fixture.scratch("out/mamba_v1.0/config.json")
    try fixture.succeed("import", pt, config, "--model", "other")
    let after = try run(["other", "abc", "--max-tokens", "8", "--json"])
    #expect(after.status == 0, "\(after.errorText)")
    struct Report: Decodable {
      var text: String
      var weights: String
    }
    let report = try JSONDecoder().decode(Report.self, from: after.output)
    #expect(report.text + "\n" == before.outputText)
    #expect(report.weights == "other/v1.0/model.safetensors")
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("tmp")).isEmpty)
  }

  @Test func whatIsMissingIsOneErrorInOneLine() throws {
    let empty = fixture.scratch("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    try fixture.scratch.write("empty/config.json", Array("{}".utf8))
    for (arguments, status, words) in [
      (["mambo", "a"], Int32(66), "did you mean \"mamba\""), (["mamba/v9", "a"], 66, "no version"), ([], 64, "<model>"),
      ([empty, "a"], 66, "expected weights beside config.json"), (["mamba", "a", "--prompt", "b"], 64, "twice"),
      (["mamba", "a", "--tmeperature", "1"], 64, "tantra run --help"),
    ] {
      let command = try run(arguments)
      #expect(command.status == status && command.output.isEmpty, "\(arguments): \(command.errorText)")
      #expect(command.errorText.contains(words), "\(command.errorText)")
      #expect(command.errorText.split(separator: "\n").count == 1, "\(command.errorText)")
    }
    #expect(try run(["mamba"], input: "\u{FFFD}").status == 0)
    let file = try fixture.scratch.write("bytes", [0xFF, 0xFE])
    let command = try Command.run(
      "/bin/sh", ["-c", "'\(TantraFixture.executable)' run mamba < '\(file)'"],
      environment: ["TANTRA_STORE": fixture.storePath])
    #expect(command.status == 65 && command.errorText.contains("UTF-8"), "\(command.errorText)")
  }

  // MARK: Talks

  @Test func aTalkKeepsWhatWasSaid() throws {
    // Two turns are the same sequence as one text that holds both and the answer between them.
    let talk = try run(["mamba", "--chat", "--max-tokens", "10", "--json"], input: "In the\nAnd God\n")
    #expect(talk.status == 0, "\(talk.errorText)")
    struct Answer: Decodable { var text: String }
    let answers = try talk.outputText.split(separator: "\n").map { line in
      try JSONDecoder().decode(Answer.self, from: Data(line.utf8)).text
    }
    try #require(answers.count == 2)
    let whole = try run(["mamba", "--max-tokens", "10"], input: "In the\n" + answers[0] + "And God\n\n")
    #expect(whole.outputText == answers[1] + "\n", "\(whole.errorText)")
    // An empty line lets it go on.
    let on = try run(["mamba", "--chat", "--max-tokens", "10", "--json"], input: "In the\n\n")
    let long = try run(["mamba", "--max-tokens", "20"], input: "In the\n\n")
    let both = try on.outputText.split(separator: "\n").map { line in
      try JSONDecoder().decode(Answer.self, from: Data(line.utf8)).text
    }
    #expect(both.joined() + "\n" == long.outputText)
  }

  @Test func aSignalEndsAnAnswerAndNotTheTalk() throws {
    let script = """
      import os, pty, select, signal, sys, time
      pid, fd = pty.fork()
      if pid == 0: os.execv(sys.argv[1], ["tantra", "run", "mamba", "--chat", "--max-tokens", "100000000"])
      text = b""
      def wait(condition):
          global text
          end = time.time() + 60
          while not condition() and time.time() < end:
              if select.select([fd], [], [], 0.1)[0]: text += os.read(fd, 65536)
          assert condition(), text[-300:]
      wait(lambda: text.endswith(b"> "))
      os.write(fd, b"In the beginning\\n"); wait(lambda: len(text) > 2000)
      os.write(fd, b"\\x03"); wait(lambda: text.endswith(b"> "))
      os.write(fd, b"And God\\n"); size = len(text); wait(lambda: len(text) > size + 2000)
      os.write(fd, b"\\x03"); wait(lambda: text.endswith(b"> "))
      os.write(fd, b"half a line\\x03"); wait(lambda: text.endswith(b"\\n> "))
      os.write(fd, b"\\x04")
      try:
          while os.read(fd, 65536): pass
      except OSError: pass
      print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
      """
    let ended = try Command.run(
      Python.interpreter, ["-c", script, TantraFixture.executable], environment: ["TANTRA_STORE": fixture.storePath])
    #expect(ended.outputText == "0\n", "\(ended.errorText)")
  }
}
