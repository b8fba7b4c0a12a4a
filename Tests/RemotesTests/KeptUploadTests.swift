import Foundation
import Remotes
import Tensors
import TestSupport
import Testing

/// What is remembered of uploads that were cut off.
@Suite struct KeptUploadTests {
  let scratch: TemporaryFolder
  let blob = RemoteBlob(digest: Digest(of: [1, 2, 3]), byteCount: 100)
  let place = KeptUpload.Place(address: "https://registry.example/v2/a/blobs/uploads/1?_state=x", partByteCount: 10)
  private let repository = "https://registry.example/v2/a/"

  init() throws { scratch = try TemporaryFolder() }

  private func upload(_ blob: RemoteBlob? = nil, to repository: String? = nil) -> KeptUpload {
    KeptUploads(path: scratch("uploads")).upload(of: blob ?? self.blob, to: repository ?? self.repository)
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch("uploads")).sorted()
  }

  /// The path of the only record.
  private func record() throws -> String {
    "uploads/" + (try #require(try names().first { !$0.hasSuffix(".lock") }))
  }

  private func setPermissions(_ permissions: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: scratch(path))
  }

  @Test func oneAtATimeHasTheFile() {
    let first = upload()
    #expect(first.place == nil)
    first.keep(place)
    withExtendedLifetime(first) {
      let second = upload()
      #expect(second.place == nil)
      second.keep(.init(address: "https://other.example/", partByteCount: 1))
    }
    first.keep(place)
  }

  @Test func anotherOneOfTheSameBlobKnowsIt() throws {
    upload().keep(place)
    #expect(upload().place == place)
    #expect(upload(to: "https://registry.example/v2/b/").place == nil)
    #expect(upload(RemoteBlob(digest: Digest(of: [1]), byteCount: 100)).place == nil)
    #expect(upload(RemoteBlob(digest: blob.digest, byteCount: 99)).place == nil)
    let attributes = try FileManager.default.attributesOfItem(atPath: scratch(try record()))
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test func whatHasEndedIsForgotten() throws {
    let upload = upload()
    upload.keep(place)
    upload.end()
    #expect(try upload.place == nil && names().isEmpty)
  }

  @Test func whatCannotBeReadIsNothing() throws {
    upload().keep(place)
    let path = try record()
    let bytes = try scratch.read(path)
    let text = String(decoding: bytes, as: UTF8.self)
    var wrong = bytes.indices.map { Array(bytes[..<$0]) }
    wrong += [[0], Array("null".utf8), Array("[]".utf8), Array(repeating: UInt8(ascii: "["), count: 60_000)]
    wrong += [bytes + [UInt8(ascii: "x")], Array(repeating: UInt8(ascii: " "), count: 1 << 17) + bytes]
    for (old, new) in [
      (#""format" : 1"#, #""format" : 2"#), (#""byteCount" : 100"#, #""byteCount" : 101"#),
      ("\"partByteCount\" : 10", "\"partByteCount\" : 0"), ("\"partByteCount\" : 10", "\"partByteCount\" : -1"),
      ("\"partByteCount\" : 10", "\"partByteCount\" : 1e300"), ("v2/a/\"", "v2/b/\""), ("sha256:", "sha512:"),
    ] {
      let changed = text.replacing(old, with: new)
      #expect(changed != text, "\(old)")
      wrong.append(Array(changed.utf8))
    }
    for each in wrong {
      try scratch.write(path, each)
      try setPermissions(0o600, path)
      // Its last byte is the end of its line.
      #expect(each == bytes.dropLast() || upload().place == nil, "\(String(decoding: each.prefix(300), as: UTF8.self))")
    }
    // One that others may write.
    try scratch.write(path, bytes)
    try setPermissions(0o600, path)
    #expect(upload().place == place)
    try setPermissions(0o620, path)
    #expect(upload().place == nil)
    // No file at all.
    try FileManager.default.removeItem(atPath: scratch(path))
    try FileManager.default.createDirectory(atPath: scratch(path), withIntermediateDirectories: false)
    let upload = upload()
    #expect(upload.place == nil)
    upload.keep(place)
    #expect(upload.place == place)
  }

  @Test func whatIsOldGoes() throws {
    upload().keep(place)
    let day = 86_400.0
    for (age, isKnown) in [(6 * day, true), (8 * day, false)] {
      for name in try names() {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: scratch("uploads/" + name))
      }
      #expect((upload().place == place) == isKnown, "\(age)")
    }
  }

  @Test func withoutAFolderNothingIsRemembered() throws {
    let path = try scratch.write("file", [1])
    for path in [nil, path, path + "/below"] {
      let upload = KeptUploads(path: path).upload(of: blob, to: repository)
      upload.keep(place)
      #expect(upload.place == place)
      #expect(KeptUploads(path: path).upload(of: blob, to: repository).place == nil)
    }
  }
}
