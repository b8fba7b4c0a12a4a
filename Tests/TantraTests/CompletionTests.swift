import Foundation
import TestSupport
import Testing

/// What shells offer when somebody asks for the rest of a word.
@Suite struct CompletionTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  /// What bash offers at the end of a command line.
  private func bash(_ line: String, store: String? = nil) throws -> [String] {
    let script = """
      source <("$1" --generate-completion-script bash)
      mkdir -p "$2"; ln -sf "$1" "$2/tantra"; export PATH="$2:$PATH"
      COMP_LINE="$3"; COMP_POINT=${#COMP_LINE}; read -ra COMP_WORDS <<< "$COMP_LINE"
      [[ "$COMP_LINE" == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); COMPREPLY=()
      _tantra tantra "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let command = try Command.run(
      "bash", ["-c", script, "bash", TantraFixture.executable, fixture.scratch("bin"), line],
      environment: ["TANTRA_STORE": store ?? fixture.storePath])
    #expect(command.errorText.isEmpty, "\(command.errorText)")
    return command.outputText.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
      !$0.isEmpty
    }
    .sorted()
  }

  @Test func bashOffersWhatThereIs() throws {
    try fixture.succeed("generate", "mamba", "--seed", "3", "--version", "v1.1")
    try fixture.succeed("tag", "mamba/v1.1", "stable")
    try fixture.succeed("generate", "mamba", "--seed", "4", "--version", "v1.2")
    try fixture.succeed("rm", "mamba/v1.2")
    for (line, expected) in [
      ("tantra rm mam", ["mamba", "mamba_multimodal"]), ("tantra rm mamba v", ["v1.0", "v1.1"]),
      ("tantra show mamba/v", ["mamba/v1.0", "mamba/v1.1"]), ("tantra show mamba s", ["stable"]),
      ("tantra restore mamba/", ["mamba/v1.2", "mamba/v1.2@1"]), ("tantra restore mamba v", ["v1.2", "v1.2@1"]),
      ("tantra export mamba --format s", ["safetensors"]), ("tantra config mamba fr", ["frozen"]),
      ("tantra config mamba frozen ", ["always", "chosen", "never"]), ("tantra use mamba v", ["v1.0", "v1.1"]),
      ("tantra set-a", ["set-active"]), ("tantra diff mamba v1.0 v1.", ["v1.0", "v1.1"]),
      ("tantra import \(fixture.storePath)/weight_conf", ["\(fixture.storePath)/weight_config.json"]),
    ] {
      #expect(try bash(line) == expected, "\(line)")
    }
  }

  @Test func withoutAStoreNothingIsOfferedAndNothingSaid() throws {
    #expect(try bash("tantra rm mam", store: fixture.scratch("nowhere")).isEmpty)
    try fixture.scratch.write("store/weight_config.json", Array("damaged".utf8))
    #expect(try bash("tantra rm mam").isEmpty)
  }

  @Test(arguments: ["zsh", "fish"])
  func otherShellsReadTheirScript(shell: String) throws {
    try fixture.scratch.write("script", Array(try fixture.succeed("--generate-completion-script", shell).utf8))
    guard try Command.run("sh", ["-c", "command -v \(shell)"]).status == 0 else { return }
    let check = try Command.run(shell, ["-n", fixture.scratch("script")])
    #expect(check.status == 0, "\(check.errorText)")
  }
}
