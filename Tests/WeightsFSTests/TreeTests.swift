import Glibc
import StoreRecords
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

@Suite struct TreeTests {
  let fixture: TreeFixture

  init() throws { fixture = try TreeFixture() }

  @Test func foldersListWhatTheDesignSays() throws {
    #expect(try fixture.names("") == [".control", ".derived", ".files", "mamba"])
    #expect(try fixture.names("mamba") == ["active", "v1.0", "v1.1"])
    #expect(
      try fixture.names("mamba/v1.0") == ["model.safetensors", "model.pt", "model.bin", "config.json", "vocab"])
    #expect(try fixture.names("mamba/v1.0/vocab") == ["merges.txt"])
    #expect(
      try fixture.names(".files") == [
        "mamba_v1.0_F32.gguf", "mamba_v1.0_bin.bin", "mamba_v1.0_pt.pt", "mamba_v1.0_safetensors.safetensors",
        "mamba_v1.1_bin.bin",
        "mamba_v1.1_pt.pt", "mamba_v1.1_safetensors.safetensors",
      ])
    #expect(
      Set(try fixture.names(".control")) == [
        "active", "backup", "cleanup", "compress", "config", "log", "metrics", "pull", "purge", "remove", "restore",
        "status", "tag", "thaw", "validate", "version", "weight_config.json", "versions",
      ])
    #expect(try fixture.names(".derived/mamba") == ["active", "v1.0", "v1.1"])
    #expect(try fixture.names(".derived/mamba/v1.1") == ["model-F32.gguf"])
    #expect(try fixture.names(".control/versions/mamba/v1.0") == ["manifest.json", "SHA256SUMS"])
  }

  @Test func everyListedEntryIsFoundWithTheSameInodeAndKind() throws {
    func walk(_ path: String) throws {
      let handle = try fixture.tree.openDirectory(try fixture.inode(path))
      for entry in try fixture.tree.readDirectory(handle, from: 0) {
        let child = path + "/" + entry.name
        let attributes = try fixture.tree.attributes(of: try fixture.inode(child))
        #expect(attributes.inode == entry.inode, "\(child)")
        #expect(attributes.kind == entry.kind, "\(child)")
        if entry.kind == .directory { try walk(child) }
        if entry.kind == .regular, attributes.size > 0 {
          #expect(try fixture.contents(child).count == attributes.size, "\(child)")
        }
      }
      fixture.tree.releaseDirectory(handle)
    }
    try walk("")
  }

  @Test(arguments: [
    "nothing", ".", "..", "mamba/v9", "mamba/model.pt", "mamba/v1.0/model.gguf", "mamba/v1.0/vocab/none",
    ".files/mamba_v9_pt.pt",
    ".files/mamba_v1.0_pt.bin", ".control/none", ".control/versions/mamba/v9", "mamba/active\0",
  ])
  func whatIsNotThereIsENOENT(path: String) {
    let error = #expect(throws: FileSystemError.self) { try fixture.inode(path) }
    #expect(error?.errno == ENOENT)
  }

  @Test func aNameBelowAFileIsENOTDIR() throws {
    let error = #expect(throws: FileSystemError.self) { try fixture.inode("mamba/v1.0/model.pt/x") }
    #expect(error?.errno == ENOTDIR)
  }

  @Test func linksPointToWhatTheyName() throws {
    #expect(try fixture.tree.readLink(try fixture.inode("mamba/active")) == "v1.0")
    #expect(try fixture.tree.readLink(try fixture.inode(".files/mamba_v1.1_pt.pt")) == "../mamba/v1.1/model.pt")
    #expect(throws: FileSystemError.self) { try fixture.tree.readLink(try fixture.inode("mamba")) }
  }

  @Test func linksAreNeverCachedAndTheirSizeIsThatOfTheTarget() throws {
    let attributes = try fixture.tree.attributes(of: try fixture.inode("mamba/active"))
    #expect(!attributes.isCacheable)
    #expect(attributes.size == 4)
  }

  @Test func forgottenInodesAreGone() throws {
    let inode = try fixture.inode("mamba")
    fixture.tree.forget(inode, count: 1)
    #expect(throws: FileSystemError.self) { try fixture.tree.attributes(of: inode) }
    fixture.tree.forget(inode, count: 99)
    #expect(try fixture.tree.attributes(of: try fixture.inode("mamba")).inode == inode)
  }

  @Test func publishedInodesCannotBeOpenedForWriting() throws {
    for (path, code) in [
      ("mamba/v1.0/model.pt", ESTALE), (".control/log", EROFS),
      (".control/status", EROFS),
    ] {
      let error = #expect(throws: FileSystemError.self) { try fixture.open(path, writes: true) }
      #expect(error?.errno == code, "\(path)")
    }
  }

  @Test func handlesThatAreNotOpenAreRefused() throws {
    let none = HandleNumber(rawValue: 4711)
    #expect(throws: FileSystemError.self) { try fixture.tree.read(none, offset: 0, count: 1) }
    #expect(throws: FileSystemError.self) { try fixture.tree.flush(none) { false } }
    #expect(throws: FileSystemError.self) { try fixture.tree.readDirectory(none, from: 0) }
    fixture.tree.release(none)
    let folder = try fixture.tree.openDirectory(.root)
    #expect(throws: FileSystemError.self) { try fixture.tree.read(folder, offset: 0, count: 1) }
    #expect(try fixture.tree.readDirectory(folder, from: -5).count == 4)
    #expect(try fixture.tree.readDirectory(folder, from: .max).isEmpty)
  }

  @Test func professionalNamesPreferTheLongestModel() throws {
    // "mamba_x" with version "v1" and "mamba" with version "x_v1" would have the same name.
    let source = try fixture.scratch.write("upload.safetensors", try SmallWeights.example(bias: 9).safetensors())
    for (model, version) in [("mamba", "x_v1"), ("mamba_x", "v1")] {
      try fixture.registry.importing(
        .init(
          model: try .init(validating: model), version: try .init(validating: version), source: source,
          view: "safetensors"))
    }
    #expect(try fixture.names(".files").filter { $0 == "mamba_x_v1_pt.pt" }.count == 1)
    #expect(try fixture.tree.readLink(try fixture.inode(".files/mamba_x_v1_pt.pt")) == "../mamba_x/v1/model.pt")
  }
}
