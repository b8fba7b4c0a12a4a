import PosixIO

/// A Python that loads and saves files when told to, and says how long it took.
final class PythonWorker {
  /// The versions of Python, torch and safetensors.
  let description: String
  private let program: ChildProgram
  private let commands: ChildPipe

  /// Takes orders as JSON, a line each, on descriptor 3. Lines that answer begin with `@`, since modules may print.
  ///
  /// `safetensors.torch.load_file` maps the file, so that it would be done before anything is read: every page of what
  /// was loaded is touched, by both loaders.
  private static let script = """
    import json, os, platform, sys, time
    import torch, safetensors
    from safetensors.torch import load_file, save_file
    print("@" + json.dumps(f"Python {platform.python_version()}, torch {torch.__version__}, "
                           f"safetensors {safetensors.__version__}"), flush=True)

    def touch(tensors):
        for tensor in tensors.values():
            tensor.reshape(-1).view(torch.uint8)[::4096].sum()

    def torch_load(path):
        touch(torch.load(path, weights_only=True))

    def safetensors_load(path):
        touch(load_file(path))

    def convert(source, target):
        torch.save(load_file(source), target)

    def convert_back(source, target):
        save_file(torch.load(source, weights_only=True), target)

    with os.fdopen(3) as orders:
        for line in orders:
            name, *arguments = json.loads(line)
            try:
                start = time.perf_counter()
                globals()[name](*arguments)
                print("@" + json.dumps(time.perf_counter() - start), flush=True)
            except Exception as error:
                print("@" + json.dumps(f"{type(error).__name__}: {error}"), flush=True)
    """

  /// Starts `python`, or python3 of PATH.
  ///
  /// - Throws: ``BenchLine/Skipped`` if it has no torch or no safetensors.
  init(_ python: String?, _ programs: Programs) throws {
    guard let executable = python ?? ChildProgram.find("python3") else {
      throw BenchLine.Skipped(reason: "there is no python3 in PATH; --python names one")
    }
    commands = try ChildPipe()
    program = try programs.start(executable, ["-c", Self.script], inherited: commands.readEnd)
    var printed: [String] = []
    while let line = try program.readLine() {
      if line.hasPrefix("@\"") {
        description = String(line.dropFirst(2).dropLast())
        return
      }
      printed.append(line)
    }
    throw BenchLine.Skipped(reason: "\(executable): \(printed.last ?? "it printed nothing")")
  }

  /// Has a function of the script called with paths: how long it took, in seconds.
  func seconds(_ function: String, _ paths: String...) throws -> Double {
    let quoted = ([function] + paths).map { text in
      "\"" + text.flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) } + "\""
    }
    try commands.write(Array("[\(quoted.joined(separator: ","))]\n".utf8))
    while let line = try program.readLine() {
      guard line.hasPrefix("@") else { continue }
      if let seconds = Double(line.dropFirst()) { return seconds }
      throw BenchFailure(.failed, "\(function): \(line.dropFirst())")
    }
    throw BenchFailure(.failed, "\(program.name) has ended")
  }

  /// Ends Python.
  func end() { program.end() }
}
