import BlobStore
import Foundation
import PosixIO
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// What may be done with the files of versions' folders, and with the folders.
@Suite struct FolderEditingTests {
  private let fixture: RegistryFixture
  private let registry: WeightRegistry
  private let draft: VersionName

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
    draft = try VersionName(validating: "draft")
    for (name, bias) in [("v1.0", Float(1)), ("v2", 2)] {
      try fixture.importFile(
        try SmallWeights.example(bias: bias).safetensors(), as: "safetensors", version: name,
        files: ["config.json": "{\"n\": \(bias)}"], into: registry)
    }
  }

  private func version(_ text: String) throws -> VersionName { try VersionName(validating: text) }

  private func upload(_ text: String) throws -> Upload {
    let upload = try registry.records.uploads.begin()
    try Array(text.utf8).withUnsafeBytes { buffer in try upload.file.write(buffer, at: 0) }
    return upload
  }

  private func names(_ version: VersionName) throws -> [String] {
    try registry.records.folder(of: fixture.model, version)?.children(of: "").map(\.name) ?? []
  }

  private func bytes(_ path: String, _ version: VersionName) throws -> [UInt8] {
    let folder = try #require(try registry.records.folder(of: fixture.model, version))
    let view = try registry.views.open(try #require(folder.content(at: path)), of: folder)
    return try view.bytes(at: 0, count: view.byteCount, what: path)
  }

  @Test func anUploadBecomesAFileThatOutlivesTheProcess() throws {
    try registry.folders.makeVersion(fixture.model, draft)
    let upload = try upload("notes")
    try registry.folders.keep(upload, at: "sub/notes.txt", of: fixture.model, draft, modified: 77)
    #expect(try bytes("sub/notes.txt", draft) == Array("notes".utf8))
    #expect(try registry.records.folder(of: fixture.model, draft)?.file(at: "sub/notes.txt")?.modified == 77)
    #expect(try !fixture.scratch.files(below: "store/.staging").contains("store/.staging/\(upload.name)"))
    try registry.folders.keep(
      try self.upload("{}"), at: "config.json", of: fixture.model, fixture.version, modified: 78)
    #expect(try bytes("config.json", fixture.version) == Array("{}".utf8))
    let reader = try fixture.open(.reading)
    #expect(
      try reader.records.manifest(of: fixture.model, fixture.version).files.map(\.modified) == [78])
    #expect(try reader.validation.validate(fixture.model, fixture.version).isValid)
  }

  @Test func aFileThatNobodyWantsAnyMoreDoesNotAppear() throws {
    let before = try names(fixture.version)
    let active = registry.records.activeVersion(of: fixture.model)
    try registry.folders.keep(
      try upload("late"), at: "late.txt", of: fixture.model, fixture.version, modified: 0, isWanted: { _ in false })
    #expect(try names(fixture.version) == before)
    #expect(registry.records.activeVersion(of: fixture.model) == active)
    let error = #expect(throws: StoreError.self) {
      try registry.folders.keep(try upload("late"), at: "late.txt", of: fixture.model, draft, modified: 0)
    }
    #expect(error?.code == .unknownVersion)
    #expect(try !registry.records.drafts(of: fixture.model).contains(draft))
  }

  @Test func aFileWhoseBytesHaveGoneIsNotNamed() throws {
    let file = try #require(try registry.records.manifest(of: fixture.model, try version("v2")).files.first)
    try registry.retention.retire(fixture.model, try version("v2"))
    _ = try registry.retention.purge(nil, nil)
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) {
      try registry.folders.put(file.moved(to: "copy.json"), in: fixture.model, fixture.version)
    }
    #expect(error?.code == .damaged)
    #expect(try fixture.snapshot() == before)
  }

  @Test func nothingOfAChosenVersionIsRemovedAndOfOthersItComesBack() throws {
    try registry.activation.setActive(fixture.model, fixture.version)
    for path in ["config.json", "model.pt"] {
      let error = #expect(throws: StoreError.self) {
        try registry.folders.remove(path, of: fixture.model, fixture.version)
      }
      #expect(error?.code == .system(errno: EPERM))
    }
    let second = try version("v2")
    let whole = try registry.records.manifest(of: fixture.model, second)
    for name in try names(second) { try registry.folders.remove(name, of: fixture.model, second) }
    #expect(try names(second).isEmpty)
    let twice = #expect(throws: StoreError.self) { try registry.folders.remove("model.pt", of: fixture.model, second) }
    #expect(twice?.code == .unknownView)
    try registry.folders.removeVersion(fixture.model, second, by: .current)
    #expect(!registry.records.hasFolder(fixture.model, second))
    try registry.retention.restore(fixture.model, second)
    #expect(try registry.records.manifest(of: fixture.model, second).isOfSameContent(as: whole))
    #expect(try names(second) == ["model.safetensors", "model.pt", "model.bin", "config.json"])
  }

  @Test func foldersAreMadeOnceAndRemovedWhenTheyAreEmpty() throws {
    let other = try ModelName(validating: "other")
    try registry.folders.makeModel(other)
    #expect(throws: StoreError.self) { try registry.folders.makeModel(other) }
    try registry.folders.makeVersion(other, draft)
    #expect(throws: StoreError.self) { try registry.folders.makeVersion(other, draft) }
    let inUse = #expect(throws: StoreError.self) { try registry.folders.removeModel(other) }
    #expect(inUse?.code == .inUse)
    try registry.folders.keep(try upload("x"), at: "x.txt", of: other, draft, modified: 0)
    let notEmpty = #expect(throws: StoreError.self) { try registry.folders.removeVersion(other, draft, by: .current) }
    #expect(notEmpty?.code == .notEmpty)
    try registry.folders.remove("x.txt", of: other, draft)
    try registry.folders.removeVersion(other, draft, by: .current)
    #expect(registry.records.hasFolder(other))
    try registry.folders.removeModel(other)
    #expect(!registry.records.hasFolder(other))
    #expect(try registry.records.backups(of: other).isEmpty)
  }

  @Test func aDraftBecomesPartOfTheVersionThatIsPublishedInIt() throws {
    try registry.folders.makeVersion(fixture.model, draft)
    try registry.folders.keep(try upload("notes"), at: "notes.txt", of: fixture.model, draft, modified: 7)
    try fixture.importFile(
      try SmallWeights.example(bias: 9).safetensors(), as: "safetensors", version: "draft", into: registry)
    #expect(try registry.records.manifest(of: fixture.model, draft).files.map(\.path) == ["notes.txt"])
    #expect(try registry.records.drafts(of: fixture.model).isEmpty)
    #expect(try fixture.scratch.files(below: "store/folders").isEmpty)
  }

  @Test func aDraftKeepsItsFilesWhenAVersionIsRestoredIntoIt() throws {
    let second = try version("v2")
    let whole = try registry.records.manifest(of: fixture.model, second)
    try registry.retention.retire(fixture.model, second)
    try registry.folders.makeVersion(fixture.model, second)
    try registry.folders.keep(try upload("notes"), at: "notes.txt", of: fixture.model, second, modified: 7)
    try registry.folders.keep(try upload("other"), at: "config.json", of: fixture.model, second, modified: 7)
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) { try registry.retention.restore(fixture.model, second) }
    #expect(error?.code == .alreadyExists && error?.message.contains("config.json") == true)
    #expect(try fixture.snapshot() == before)
    try registry.folders.remove("config.json", of: fixture.model, second)
    try registry.retention.restore(fixture.model, second)
    let restored = try registry.records.manifest(of: fixture.model, second)
    #expect(restored.files.map(\.path) == ["config.json", "notes.txt"])
    #expect(restored.files[0] == whole.files[0])
  }

  @Test func aVersionMovesWithAllThatIsInItsFolder() throws {
    let other = try ModelName(validating: "other")
    let second = try version("v2")
    try registry.folders.keep(try upload("notes"), at: "sub/notes.txt", of: fixture.model, second, modified: 7)
    try registry.folders.change(fixture.model, second) { _ in [.hide("model.bin"), .setModified("model.pt", 55)] }
    let refused = #expect(throws: StoreError.self) {
      try registry.folders.move(fixture.model, second, to: fixture.model, fixture.version, by: .current)
    }
    #expect(refused?.code == .alreadyExists)
    _ = try registry.activation.setActive(fixture.model, fixture.version)
    let active = #expect(throws: StoreError.self) {
      try registry.folders.move(fixture.model, fixture.version, to: other, second, by: .current)
    }
    #expect(active?.code == .inUse && !registry.records.hasFolder(other))
    try registry.folders.move(fixture.model, second, to: other, draft, by: .current)
    #expect(!registry.records.hasFolder(fixture.model, second))
    let moved = try #require(try fixture.open(.reading).records.folder(of: other, draft))
    #expect(moved.children(of: "").map(\.name) == ["model.safetensors", "model.pt", "config.json", "sub"])
    #expect(moved.manifest?.modified(ofView: "pt") == 55 && moved.hides("model.bin"))
    #expect(registry.records.activeVersion(of: other) == draft)
    #expect(try registry.validation.validate(other, draft).isValid)
    #expect(try registry.records.backups(of: fixture.model).isEmpty)
  }
}
