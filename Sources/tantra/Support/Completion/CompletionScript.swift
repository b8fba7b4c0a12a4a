import ArgumentParser

/// The script that teaches a shell how to complete the words of a command line.
enum CompletionScript {
  /// The shell that a command line asks the script of; nil for other command lines.
  static func isWanted(by arguments: [String]) -> Bool {
    arguments.first == "--generate-completion-script"
      || arguments.first?.hasPrefix("--generate-completion-script=") == true
  }

  /// What the parser writes, with the short names of commands, which it leaves out for bash.
  static func withAliases(_ script: String, of commands: [any ParsableCommand.Type]) -> String {
    let line = "    local -r subcommand=\"${unparsed_words[0]}\"\n"
    let cases = commands.flatMap { command -> [String] in
      guard let name = command.configuration.commandName else { return [] }
      return command.configuration.aliases.map { "    \($0)) subcommand=\(name) ;;\n" }
    }
    return script.replacing(
      line,
      with: "    local subcommand=\"${unparsed_words[0]}\"\n    case \"${subcommand}\" in\n" + cases.joined()
        + "    esac\n")
  }
}
