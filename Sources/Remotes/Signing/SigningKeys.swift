import FoundationEssentials
import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

import enum Crypto.P256
import enum Crypto.P384
import enum Crypto.P521
import struct Crypto.SHA256

/// A private key that signs versions: ECDSA on P-256, P-384 or P-521, as `openssl ecparam -genkey` makes it.
package struct SigningKey: Sendable {
  private enum Key: Sendable {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
  }

  private let key: Key

  /// Reads a PEM file that is not encrypted.
  ///
  /// - Throws: `unacceptable` for any other file.
  package init(fileAt path: String) throws(StoreError) {
    let pem = try KeyFile.text(at: path)
    if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
      self.key = .p256(key)
    } else if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem) {
      self.key = .p384(key)
    } else if let key = try? P521.Signing.PrivateKey(pemRepresentation: pem) {
      self.key = .p521(key)
    } else {
      throw KeyFile.unacceptable(path, "private", "openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem")
    }
  }

  /// What checks its signatures.
  var publicKey: VerifyingKey {
    switch key {
    case .p256(let key): VerifyingKey(.p256(key.publicKey))
    case .p384(let key): VerifyingKey(.p384(key.publicKey))
    case .p521(let key): VerifyingKey(.p521(key.publicKey))
    }
  }

  /// An ECDSA signature in DER, over the SHA-2 digest that goes with the curve.
  func signature(of bytes: [UInt8]) throws(StoreError) -> [UInt8] {
    do {
      switch key {
      case .p256(let key): return Array(try key.signature(for: bytes).derRepresentation)
      case .p384(let key): return Array(try key.signature(for: bytes).derRepresentation)
      case .p521(let key): return Array(try key.signature(for: bytes).derRepresentation)
      }
    } catch {
      throw StoreError(.unacceptable(.unsupported), "the version cannot be signed: \(error)")
    }
  }
}

/// A public key that checks who has signed a version.
package struct VerifyingKey: Sendable {
  fileprivate enum Key: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
  }

  private let key: Key

  fileprivate init(_ key: Key) { self.key = key }

  /// Reads a PEM file.
  ///
  /// - Throws: `unacceptable` for any other file.
  package init(fileAt path: String) throws(StoreError) {
    guard let key = Self(pem: try KeyFile.text(at: path)) else {
      throw KeyFile.unacceptable(path, "public", "openssl ec -in KEY.pem -pubout -out KEY.pub")
    }
    self = key
  }

  /// nil for what is no public key of these curves.
  package init?(pem: String) {
    if let key = try? P256.Signing.PublicKey(pemRepresentation: pem) {
      self.init(.p256(key))
    } else if let key = try? P384.Signing.PublicKey(pemRepresentation: pem) {
      self.init(.p384(key))
    } else if let key = try? P521.Signing.PublicKey(pemRepresentation: pem) {
      self.init(.p521(key))
    } else {
      return nil
    }
  }

  /// As a PEM file, which ends with a newline.
  package var pem: String {
    let text =
      switch key {
      case .p256(let key): key.pemRepresentation
      case .p384(let key): key.pemRepresentation
      case .p521(let key): key.pemRepresentation
      }
    return text.hasSuffix("\n") ? text : text + "\n"
  }

  /// What a bundle calls it: the SHA-256 of its PEM file.
  var hint: String { Tensors.Digest(of: Array(pem.utf8)).hexadecimal }

  /// Whether the key has signed the bytes.
  func accepts(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
    switch key {
    case .p256(let key):
      (try? P256.Signing.ECDSASignature(derRepresentation: signature)).map { key.isValidSignature($0, for: bytes) }
        ?? false
    case .p384(let key):
      (try? P384.Signing.ECDSASignature(derRepresentation: signature)).map { key.isValidSignature($0, for: bytes) }
        ?? false
    case .p521(let key):
      (try? P521.Signing.ECDSASignature(derRepresentation: signature)).map { key.isValidSignature($0, for: bytes) }
        ?? false
    }
  }
}

private enum KeyFile {
  static func text(at path: String) throws(StoreError) -> String {
    String(decoding: try posix(try OpenedFile.open(path).contents(limit: 1 << 16)), as: UTF8.self)
  }

  static func unacceptable(_ path: String, _ kind: String, _ command: String) -> StoreError {
    StoreError(
      .unacceptable(.unsupported), "\(path) is no \(kind) key as a PEM file of ECDSA; \(command) makes one")
  }
}
