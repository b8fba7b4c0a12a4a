import FoundationEssentials
import Glibc
import StoreRecords
import Tensors

/// A signature of all files of a version: a bundle of OpenSSF Model Signing 1.0 (https://github.com/sigstore/model-transparency), which
/// `model_signing verify` checks on a folder that other tools have pulled.
enum ModelSignature {
  /// Where it lies: a layer of the artifact that it signs, which it leaves out.
  static let path = "model.sig"
  /// Bytes that one may have.
  static let byteLimit = 16 << 20

  private static let payloadType = "application/vnd.in-toto+json"
  private static let statementType = "https://in-toto.io/Statement/v1"
  private static let predicateType = "https://model_signing/signature/v1.0"

  struct Resource: Sendable, Hashable, Codable {
    var name: String
    var digest: String
    var algorithm = "sha256"
  }

  private struct Statement: Codable {
    struct Subject: Codable {
      var name: String
      var digest: [String: String]
    }
    struct Serialization: Codable {
      var method: String
      var hash_type: String
      var allow_symlinks: Bool
      var ignore_paths: [String]
    }
    struct Predicate: Codable {
      var resources: [Resource]
      var serialization: Serialization
    }
    var _type: String
    var subject: [Subject]
    var predicateType: String
    var predicate: Predicate
  }

  private struct Bundle: Codable {
    struct PublicKey: Codable { var hint: String }
    struct Material: Codable {
      var publicKey: PublicKey
      var tlogEntries: [String]
    }
    struct Signature: Codable {
      var sig: String
      var keyid: String?
    }
    struct Envelope: Codable {
      var payload: String
      var payloadType: String
      var signatures: [Signature]
    }
    var mediaType: String
    var verificationMaterial: Material
    var dsseEnvelope: Envelope
  }

  /// What is read of a bundle, whoever has made it.
  private struct ReadBundle: Decodable { var dsseEnvelope: Bundle.Envelope }

  /// The bytes that are signed: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
  private static func signed(_ payload: [UInt8], _ type: String) -> [UInt8] {
    Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
  }

  /// Signs files.
  ///
  /// - Parameters:
  ///   - files: their paths and digests.
  ///   - name: of what is signed.
  static func bundle(of files: [String: Digest], name: String, by key: SigningKey) throws(StoreError) -> [UInt8] {
    let sorted = files.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
    let all = Digest(of: sorted.flatMap(\.value.bytes))
    let statement = Statement(
      _type: statementType, subject: [.init(name: name, digest: ["sha256": all.hexadecimal])],
      predicateType: predicateType,
      predicate: .init(
        resources: sorted.map { Resource(name: $0.key, digest: $0.value.hexadecimal) },
        serialization: .init(method: "files", hash_type: "sha256", allow_symlinks: false, ignore_paths: [path])))
    let payload = try StoreCoding.encode(statement, pretty: false)
    let signature = try key.signature(of: signed(payload, payloadType))
    return try StoreCoding.encode(
      Bundle(
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: .init(publicKey: .init(hint: key.publicKey.hint), tlogEntries: []),
        dsseEnvelope: .init(
          payload: Data(payload).base64EncodedString(), payloadType: payloadType,
          signatures: [.init(sig: Data(signature).base64EncodedString(), keyid: "")])), pretty: false)
  }

  /// Checks that a key has signed exactly these files.
  ///
  /// - Parameter name: names the version in messages.
  /// - Throws: `system(EKEYREJECTED)`, saying what is wrong.
  static func verify(
    _ bundle: [UInt8], of files: [String: Digest], name: String, by key: VerifyingKey
  ) throws(StoreError) {
    let envelope: Bundle.Envelope
    do throws(StoreError) {
      envelope = try StoreCoding.decode(ReadBundle.self, from: bundle, what: "the signature").dsseEnvelope
    } catch {
      throw refused(name, error.message)
    }
    guard envelope.payloadType == payloadType, let payload = Data(base64Encoded: envelope.payload).map({ Array($0) })
    else { throw refused(name, "its signature is of another kind") }
    let bytes = signed(payload, payloadType)
    let isSigned = envelope.signatures.prefix(16).contains { signature in
      Data(base64Encoded: signature.sig).map { key.accepts(Array($0), of: bytes) } ?? false
    }
    guard isSigned else { throw refused(name, "it is not signed by the key that is asked for") }
    let statement: Statement
    do throws(StoreError) {
      statement = try StoreCoding.decode(Statement.self, from: payload, what: "what was signed")
    } catch {
      throw refused(name, error.message)
    }
    guard statement.predicateType == predicateType else { throw refused(name, "something else was signed") }
    var signedFiles: [String: Digest] = [:]
    for resource in statement.predicate.resources {
      guard resource.algorithm == "sha256", let digest = Digest(hexadecimal: resource.digest),
        signedFiles.updateValue(digest, forKey: resource.name) == nil
      else { throw refused(name, "what was signed names \(resource.name.debugDescription) in a way that is not known") }
    }
    for (path, digest) in files where signedFiles[path] != digest {
      throw refused(name, "\(path.debugDescription) is not what was signed")
    }
    if let missing = signedFiles.keys.first(where: { files[$0] == nil }) {
      throw refused(name, "\(missing.debugDescription) was signed, and is not there")
    }
  }

  static func refused(_ name: String, _ why: String) -> StoreError {
    StoreError(.system(errno: EKEYREJECTED), "\(name) was refused: \(why)")
  }
}
