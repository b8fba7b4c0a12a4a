import Foundation
import TestSupport
import Testing

/// `.derived/<model>/<version>/{int8,int4,nf4}`: folders that from_pretrained loads.
@Suite(canMount, .onWaitingThreads) struct QuantizedFolderTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture(shipped: false)
    try fixture.succeed("init", fixture.storePath)
    try Python.oracle("quantized_folders.py", ["make", fixture.scratch("made")])
    for kind in Self.kinds {
      try fixture.succeed("import", fixture.scratch("made/\(kind)"), "--model", kind, "--version", "v1")
    }
    try fixture.mount()
  }

  static let kinds = ["llama", "bf16", "qwen3", "neox", "mamba", "odd_mamba"]

  @Test(arguments: kinds)
  func tensorsEqualWhatTheirLibrariesMakeAndTransformersLoadsThem(kind: String) throws {
    for folder in ["int8", "int4", "nf4"] {
      let path = fixture.mountpoint + "/.derived/\(kind)/active/\(folder)"
      try Python.oracle("quantized_folders.py", ["check", fixture.mountpoint + "/\(kind)/v1", path])
      // What travels with the version is there, as it is.
      let compared = try Command.run(
        "cmp", ["\(path)/generation_config.json", fixture.mountpoint + "/\(kind)/v1/generation_config.json"])
      #expect(compared.status == 0, "\(compared.errorText)")
    }
  }

  @Test func whatIsNotKnownIsNotOffered() throws {
    let shown = try fixture.succeed("show", "llama/v1")
    #expect(shown.contains("int4/model.safetensors") && !shown.contains("no int4"), "\(shown)")
    try FileManager.default.createDirectory(atPath: fixture.scratch("odd"), withIntermediateDirectories: true)
    try fixture.scratch.write("odd/config.json", Array(#"{"model_type": "odd"}"#.utf8))
    try FileManager.default.copyItem(
      atPath: fixture.scratch("made/llama/model.safetensors"), toPath: fixture.scratch("odd/model.safetensors"))
    try fixture.succeed("import", fixture.scratch("odd"), "--model", "odd", "--version", "v1")
    #expect(try fixture.succeed("show", "odd/v1").contains("no int8: it is not known which matrices of a odd"))
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/.derived/odd/v1/int8"))
  }
}
