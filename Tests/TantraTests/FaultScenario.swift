import Testing

/// A command that is disturbed at each of its steps, and what may be seen after.
struct FaultScenario: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Commands that make the store as it is before. `FILES` stands for the folder of files to import, `COPY` for another store.
  var setup: [[String]] = []
  var command: [String]
  /// A command that does several things, each of them wholly or not: the commands that get as far as between two of them.
  var milestones: [[String]] = []
  /// The calls at which it is disturbed; `*` for all.
  var calls = "*"
  /// How the command ends when it is given again after it has been carried out.
  var again: Int32 = 0
  /// Whether giving it again then changes nothing.
  var isIdempotent = true

  /// Whether it exchanges tables, which nobody sees, for others, and leaves the same blobs wherever it was disturbed.
  var movesTables = false

  private static let one = ["import", "FILES/one.safetensors", "--model", "m", "--version", "v1"]
  private static let two = ["import", "FILES/two.pt", "--model", "m", "--version", "v2"]
  private static let three = ["import", "FILES/three.safetensors", "--model", "m", "--version", "v3"]
  private static let checkpoint = ["import", "FILES/three.safetensors", "--model", "m", "--version", "step-3"]

  private static let ten = ["import", "FILES/ten.safetensors", "--model", "m", "--version", "v1"]

  private static let wide = ["import", "FILES/wide.safetensors", "--model", "m", "--version", "v1"]
  private static let near = ["import", "FILES/near.safetensors", "--model", "m", "--version", "v2"]

  static let all = [
    FaultScenario(testDescription: "import safetensors into no store", command: one),
    FaultScenario(testDescription: "import a torch file", setup: [one], command: two),
    FaultScenario(testDescription: "import a checkpoint", setup: [one], command: checkpoint),
    FaultScenario(testDescription: "import and activate", setup: [one], command: two + ["--active"]),
    FaultScenario(
      testDescription: "import a second format", setup: [one, two],
      command: ["import", "FILES/one.pt", "--model", "m", "--version", "v1"]),
    FaultScenario(
      testDescription: "import with sidecars", setup: [two],
      command: one + ["FILES/config.json", "FILES/vocab.txt"]),
    FaultScenario(
      testDescription: "cleanup", setup: [one, two, three, checkpoint],
      command: ["cleanup", "m", "--keep", "1"],
      milestones: [["cleanup", "m", "--keep", "3"], ["cleanup", "m", "--keep", "2"]]),
    FaultScenario(
      testDescription: "purge", setup: [one, two, three, ["cleanup", "m", "--keep", "1"]], command: ["purge"],
      milestones: [["purge", "m", "v2"], ["purge", "m", "v3"]]),
    FaultScenario(
      testDescription: "purge with compaction",
      setup: [
        ten,
        ["import", "FILES/shared.pt", "--model", "m", "--version", "v2"],
        ["backup", "m", "v2"], ["set-active", "m", "v2"], ["cleanup", "m", "--keep", "1"],
      ], command: ["purge"], movesTables: true),
    FaultScenario(
      testDescription: "restore", setup: [one, two, ["cleanup", "m", "--keep", "1"]], command: ["restore", "m", "v2"],
      again: 73),
    FaultScenario(
      testDescription: "restore a backup",
      setup: [one, two, ["backup", "m", "v2"], ["set-active", "m", "v1"], ["rm", "models/m/v2.json"]],
      command: ["restore", "m", "v2"], again: 73),
    FaultScenario(
      testDescription: "restore an edition in place",
      setup: [
        one, two, ["backup", "m", "v1"], ["set-active", "m", "v2"], ["rm", "models/m/v1.json"],
        ["import", "FILES/three.safetensors", "--model", "m", "--version", "v1"], ["config", "m", "frozen", "never"],
      ], command: ["restore", "m", "v1@1"], isIdempotent: false),
    FaultScenario(
      testDescription: "import a folder of components", setup: [one],
      command: ["import", "FILES/lora", "--model", "m", "--version", "v2"]),
    FaultScenario(
      testDescription: "backup", setup: [one], command: ["backup", "m", "v1"], isIdempotent: false),
    FaultScenario(
      testDescription: "backup to another store", setup: [one, two], command: ["backup", "m", "v2", "--to", "COPY"],
      milestones: [["COPY"]], isIdempotent: false),
    FaultScenario(testDescription: "compress", setup: [ten], command: ["compress", "m", "v1"]),
    FaultScenario(testDescription: "thaw", setup: [ten, ["compress", "m", "v1"]], command: ["thaw", "m", "v1"]),
    FaultScenario(
      testDescription: "import what is compressed", setup: [ten, ["compress", "m", "v1"]],
      command: ["import", "FILES/shared.pt", "--model", "m", "--version", "v2"]),
    FaultScenario(
      testDescription: "compress as a difference", setup: [wide, near], command: ["compress", "m/v2", "--base", "v1"]),
    FaultScenario(
      testDescription: "backup of a difference to another store",
      setup: [wide, near, ["compress", "m/v1"], ["compress", "m/v2"]],
      command: ["backup", "m", "v2", "--to", "COPY"], milestones: [["COPY"]], isIdempotent: false),
    FaultScenario(
      testDescription: "purge what others are differences from",
      setup: [wide, near, ["compress", "m/v2"], ["set-active", "m", "v2"], ["cleanup", "m", "--keep", "1"]],
      command: ["purge"]),
    FaultScenario(testDescription: "set-active", setup: [one, two], command: ["set-active", "m", "v2"]),
    FaultScenario(
      testDescription: "rollback", setup: [one, two, three, ["set-active", "m", "v2"], ["set-active", "m", "v3"]],
      command: ["rollback", "m"], isIdempotent: false),
    FaultScenario(
      testDescription: "generate", command: ["generate"],
      milestones: [["generate", "mamba"], ["generate", "mamba", "mamba_multimodal"]], calls: "fsync,renameat"),
  ]
}
