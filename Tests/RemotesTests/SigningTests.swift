import Foundation
import PosixIO
import Remotes
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// Who has signed a version, and what it takes to be fooled.
@Suite struct SigningTests {
  let fixture: RemoteFixture
  let source: WeightRegistry

  init() throws {
    fixture = try RemoteFixture()
    source = try fixture.open()
    try fixture.importVersion("v1.0", files: ["config.json": "{}", "README.md": "# r"], into: source)
  }

  /// A pair of keys, made by openssl.
  private func keys(_ name: String, curve: String = "prime256v1") throws -> (private: SigningKey, public: String) {
    let (secret, open) = (fixture.scratch(name + ".pem"), fixture.scratch(name + ".pub"))
    for arguments in [
      ["ecparam", "-name", curve, "-genkey", "-noout", "-out", secret], ["ec", "-in", secret, "-pubout", "-out", open],
    ] {
      let made = try Command.run("openssl", arguments)
      try #require(made.status == 0, "\(made.errorText)")
    }
    return (try SigningKey(fileAt: secret), open)
  }

  @discardableResult
  private func push(_ key: SigningKey?) throws -> PushReport {
    let remote = try fixture.reference("v1.0").open(creating: true)
    let push = Push(source, to: remote, remembering: SumCache(path: fixture.scratch("sums")))
    return try push(fixture.model, try fixture.version("v1.0"), as: "v1.0", signedBy: key)
  }

  @discardableResult
  private func pull(_ target: WeightRegistry, _ key: String?) throws -> PullReport {
    let reference = try fixture.reference("v1.0")
    let remote = try reference.open()
    return try Pull(target, from: remote)(
      try reference.resolve(in: remote, unless: .never), verifying: try key.map { try VerifyingKey(fileAt: $0) })
  }

  private func expectRefusal(_ words: String, _ body: () throws -> Void) {
    #expect {
      try body()
    } throws: { error in
      guard let error = error as? StoreError else { return false }
      return error.code == .system(errno: EKEYREJECTED) && error.message.contains(words)
    }
  }

  @Test(arguments: ["prime256v1", "secp384r1", "secp521r1"])
  func whatIsSignedIsAccepted(curve: String) throws {
    let (key, publicKey) = try keys("key", curve: curve)
    let digest = try push(key).digest
    // A signature is another each time: the one that is there stays.
    let again = try push(key)
    #expect(again.digest == digest && again.sentByteCount == 0)
    #expect(try pull(try fixture.open("target"), publicKey).isActive)
    // Whoever asks for no signature gets it, too.
    #expect(try pull(try fixture.open("other"), nil).isNew)
  }

  @Test func othersAreRefusedAndNothingComes() throws {
    let (key, publicKey) = try keys("key")
    let (_, otherPublicKey) = try keys("other")
    let target = try fixture.open("target")
    try push(nil)
    expectRefusal("not signed") { try pull(target, publicKey) }
    try push(key)
    expectRefusal("not signed by the key") { try pull(target, otherPublicKey) }
    let layout = TamperedLayout(fixture: fixture, tag: "v1.0")
    let kept = try fixture.scratch.read("layout/index.json")
    // Another file, one file more, one fewer.
    try layout.changeRecord { $0["revision"] = 7 }
    expectRefusal("manifest.json") { try pull(target, publicKey) }
    try fixture.scratch.write("layout/index.json", kept)
    try layout.changeLayers { layers in
      layers.append(
        TamperedLayout.layer("sidecar", blob: String(repeating: "0", count: 64), try layout.put([1]), path: "more"))
    }
    expectRefusal("\"more\"") { try pull(target, publicKey) }
    try fixture.scratch.write("layout/index.json", kept)
    try layout.changeLayers { layers in
      layers.removeAll { ($0["annotations"] as? [String: Any])?["org.cncf.model.filepath"] as? String == "README.md" }
    }
    expectRefusal("README.md") { try pull(target, publicKey) }
    try fixture.scratch.write("layout/index.json", kept)
    #expect(target.records.models.isEmpty)
    #expect(try pull(target, publicKey).isNew)
  }

  @Test func aPolicyAsksForASignature() throws {
    let (key, publicKey) = try keys("key")
    let target = try fixture.open("target")
    _ = try target.policies.set(.verifyBeforeActivate, of: fixture.model, to: publicKey, by: .current)
    try push(nil)
    expectRefusal("not signed") { try pull(target, nil) }
    try push(key)
    #expect(try pull(target, nil).isActive)
    #expect {
      try target.policies.set(.verifyBeforeActivate, of: fixture.model, to: "relative.pub", by: .current)
    } throws: {
      ($0 as? StoreError)?.code == .invalidName
    }
  }

  @Test func keysOfOtherKindsAreNamed() throws {
    let path = try fixture.scratch.write("key.pem", Array("-----BEGIN NONSENSE-----\n".utf8))
    #expect { _ = try SigningKey(fileAt: path) } throws: { ($0 as? StoreError)?.code == .unacceptable(.unsupported) }
    #expect { _ = try VerifyingKey(fileAt: path) } throws: { ($0 as? StoreError)?.code == .unacceptable(.unsupported) }
  }

  /// The reference implementation of OpenSSF Model Signing reads a folder that any tool may have pulled.
  @Test func modelSigningVerifiesTheSameFiles() throws {
    let (key, publicKey) = try keys("key")
    try push(key)
    try Python.oracle("verify_signature.py", [fixture.layout, "v1.0", fixture.scratch("folder"), publicKey])
  }
}
