import StoreRecords
import Tensors
import Testing

/// A version's folder as a value.
@Suite struct VersionFolderTests {
  private let fixture: RecordsFixture

  init() throws { fixture = try RecordsFixture() }

  private var draft: VersionFolder { VersionFolder(model: fixture.model, version: fixture.version, made: 3) }

  /// A version with a component, ordinary files and a file in a folder.
  private func published() -> VersionFolder {
    var manifest = fixture.manifest(fixture.version)
    manifest.put(
      WeightRecord(
        path: "unet/diffusion.safetensors", format: "safetensors", blob: Digest(of: [1]), byteCount: 20, modified: 6,
        table: Digest(of: [2]), packs: [Digest(of: [1])], isPlain: false, extras: []))
    manifest.files = [RecordsFixture.file("config.json"), RecordsFixture.file("sub/a.txt")]
    return VersionFolder(manifest)
  }

  private func names(_ folder: VersionFolder, _ path: String = "") -> [String] { folder.children(of: path).map(\.name) }

  @Test func aFolderShowsViewsFirstAndThenNamesInOrder() {
    let folder = published()
    #expect(names(folder) == ["model.safetensors", "model.pt", "model.bin", "config.json", "sub", "unet"])
    #expect(names(folder, "unet") == ["diffusion.safetensors"])
    #expect(folder.content(at: "model.pt") == .view("pt"))
    #expect(folder.entry(at: "sub") == .folder && folder.entry(at: "nothing") == nil)
    guard case .part(let part) = folder.content(at: "unet/diffusion.safetensors") else {
      Issue.record("it is no part")
      return
    }
    #expect(part.byteCount == 20)
    #expect(folder.figures.files == 6 && folder.figures.presentedBytes == 300 + 2 * 1001 + 20 + 20)
  }

  @Test func whatIsPublishedIsHiddenAndComesBackAndWhatIsNotIsRemoved() {
    var folder = published()
    folder.apply(.put(.init(path: ".tmp", content: .upload("upload.1"), byteCount: 4, modified: 0)))
    #expect(folder.removal(of: "config.json") == .hide("config.json"))
    #expect(folder.removal(of: "model.pt") == .hide("model.pt"))
    #expect(folder.removal(of: ".tmp") == .remove(".tmp"))
    #expect(folder.removal(of: "nothing") == nil)
    for path in ["config.json", "model.pt", "unet/diffusion.safetensors", ".tmp"] {
      if let removal = folder.removal(of: path) { folder.apply(removal) }
    }
    #expect(names(folder) == ["model.safetensors", "model.bin", "sub", "unet"] && names(folder, "unet").isEmpty)
    #expect(folder.figures.hiddenFiles == 3 && folder.hides("config.json"))
    #expect(folder.uploads.isEmpty)
    folder.apply(.show("model.pt"))
    folder.apply(.put(RecordsFixture.file("config.json", seed: 4)))
    #expect(folder.content(at: "model.pt") == .view("pt"))
    #expect(folder.file(at: "config.json")?.byteCount == 14 && !folder.hides("config.json"))
    #expect(draftRemoval() == .remove("config.json"))
  }

  private func draftRemoval() -> FolderChange? {
    var draft = draft
    draft.apply(.put(RecordsFixture.file("config.json")))
    return draft.removal(of: "config.json")
  }

  @Test func aFolderGoesWhenItShowsNothingAndNotBefore() {
    var folder = published()
    folder.apply(.removeFolder("sub"))
    #expect(folder.isFolder("sub"))
    folder.apply(.hide("sub/a.txt"))
    folder.apply(.removeFolder("sub"))
    #expect(!folder.isFolder("sub") && !names(folder).contains("sub"))
    // What is in it comes back with a restore, which shows everything.
    #expect(folder.completeManifest?.files.map(\.path) == ["config.json", "sub/a.txt"])
    folder.apply(.put(RecordsFixture.file("sub/new.txt")))
    #expect(names(folder, "sub") == ["new.txt"])
    folder.apply(.makeFolder("a/b"))
    #expect(names(folder, "a") == ["b"])
    folder.apply(.removeFolder("a"))
    #expect(folder.isFolder("a"))
    folder.apply(.removeFolder("a/b"))
    folder.apply(.removeFolder("a"))
    #expect(folder.entry(at: "a") == nil)
  }

  @Test func whatCannotBeDoneChangesNothing() {
    let before = published()
    for change: FolderChange in [
      .remove("nothing"), .remove("sub"), .remove("model.pt"), .remove("unet/diffusion.safetensors"), .show("nothing"),
      .removeFolder("nothing"), .removeFolder(""), .removeFolder("config.json"), .setModified("nothing", 1),
      .makeFolder("sub"), .makeFolder(""),
    ] {
      var folder = before
      folder.apply(change)
      #expect(FolderPicture(folder) == FolderPicture(before), "\(change)")
    }
  }

  @Test func timesAreThoseOfTheFileThatHasThePath() {
    var folder = published()
    for path in ["model.safetensors", "model.pt", "config.json", "unet/diffusion.safetensors"] {
      folder.apply(.setModified(path, 77))
    }
    #expect(folder.manifest?.modified(ofView: "safetensors") == 77 && folder.manifest?.modified(ofView: "pt") == 77)
    #expect(folder.manifest?.modified(ofView: "bin") == folder.manifest?.published)
    #expect(folder.file(at: "config.json")?.modified == 77)
    #expect(folder.manifest?.weightFile("unet/diffusion.safetensors")?.modified == 77)
  }

  @Test func aFileThatIsKeptIsShownInPlaceOfThePartThatItWillReplace() {
    var folder = published()
    let path = "unet/diffusion.safetensors"
    folder.apply(.hide(path))
    folder.apply(.put(.init(path: path, content: .upload("upload.1"), byteCount: 4, modified: 0)))
    #expect(
      folder.content(at: path) == .file(.init(path: path, content: .upload("upload.1"), byteCount: 4, modified: 0)))
    folder.apply(.remove(path))
    #expect(folder.content(at: path) == nil && folder.hides(path))
    folder.apply(.show(path))
    #expect(names(folder, "unet") == ["diffusion.safetensors"])
  }

  /// A weight file that was removed stays in the manifest, and so does its folder.
  @Test func aFolderThatWasRemovedStaysAwayWhenOtherWeightsCome() throws {
    var folder = published()
    let path = "unet/diffusion.safetensors"
    let manifest = try #require(folder.manifest)
    folder.apply(.hide(path))
    folder.apply(.removeFolder("unet"))
    folder.replaceManifest(with: manifest)
    #expect(!folder.isFolder("unet") && !names(folder).contains("unet"))
    #expect(VersionFolder(try #require(folder.completeManifest)).entry(at: "unet") == nil)
    folder.apply(.show(path))
    #expect(names(folder, "unet") == ["diffusion.safetensors"])
  }

  @Test func aCopyUnderAnotherNameIsTheSameFolder() throws {
    let folder = published().renamed(try ModelName(validating: "other"), try VersionName(validating: "v9"))
    #expect(folder.completeManifest?.model.text == "other" && folder.completeManifest?.version.text == "v9")
    let back = folder.renamed(fixture.model, fixture.version)
    #expect(FolderPicture(back) == FolderPicture(published()))
  }

  /// The manifest, written and read, has everything that belongs to the version.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func theCompleteManifestBringsTheFolderBack(seed: UInt64) throws {
    var random = RandomChanges(seed: seed)
    var folder = published()
    var changes: [FolderChange] = []
    for _ in 0..<60 {
      let change = random.change(of: folder)
      changes.append(change)
      folder.apply(change)
    }
    // It is what its changes make of it.
    var replayed = published()
    for change in changes { replayed.apply(change) }
    #expect(FolderPicture(replayed) == FolderPicture(folder))
    let manifest = try #require(folder.completeManifest)
    let bytes = try StoreCoding.encode(manifest, pretty: true)
    let read = try Manifest.read(bytes, what: "a manifest")
    #expect(read == manifest)
    try read.checkConsistency()
    var back = VersionFolder(read)
    for file in folder.keptFiles { back.apply(.put(file)) }
    #expect(FolderPicture(back) == FolderPicture(folder), "seed \(seed)")
  }

  @Test func everyChangeReadsBackAsItWasWritten() throws {
    var random = RandomChanges(seed: 99)
    for _ in 0..<500 {
      let change = random.change(of: published())
      let bytes = try StoreCoding.encode(change, pretty: false)
      #expect(!bytes.contains(10))
      #expect(try StoreCoding.decode(FolderChange.self, from: bytes, what: "a change") == change)
    }
    #expect(throws: StoreError.self) {
      try StoreCoding.decode(FolderChange.self, from: Array(#"{"path":"x"}"#.utf8), what: "a change")
    }
  }
}
