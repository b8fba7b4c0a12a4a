import Foundation
import Remotes
import Tensors
import TestSupport

/// A layout whose manifest and records somebody changes, with digests that fit: what a hostile remote can serve.
struct TamperedLayout {
  typealias Object = [String: Any]

  let fixture: RemoteFixture
  let tag: String

  private func object(_ path: String) throws -> Object {
    let data = Data(try fixture.scratch.read(path))
    guard let object = try JSONSerialization.jsonObject(with: data) as? Object else {
      throw OracleFailure(description: "\(path) is no JSON object")
    }
    return object
  }

  /// Writes a blob: its digest as OCI writes it, and its size.
  @discardableResult
  func put(_ bytes: [UInt8]) throws -> (digest: String, size: Int) {
    let digest = Digest(of: bytes)
    try fixture.scratch.write(fixture.path(of: digest), bytes)
    return ("sha256:\(digest)", bytes.count)
  }

  private func bytes(_ object: Object) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes]))
  }

  /// Lets the tag point to a manifest.
  func point(to manifest: [UInt8], mediaType: String = "application/vnd.oci.image.manifest.v1+json") throws {
    let (digest, size) = try put(manifest)
    let entry: Object = [
      "mediaType": mediaType, "digest": digest, "size": size,
      "annotations": ["org.opencontainers.image.ref.name": tag],
    ]
    try fixture.scratch.write("layout/index.json", try bytes(["schemaVersion": 2, "manifests": [entry]]))
  }

  private func manifest() throws -> Object {
    let entries = try object("layout/index.json")["manifests"] as? [Object] ?? []
    let entry = entries.first { ($0["annotations"] as? Object)?["org.opencontainers.image.ref.name"] as? String == tag }
    let digest = entry?["digest"] as? String ?? ""
    return try object("layout/blobs/sha256/" + digest.dropFirst(7))
  }

  /// Changes the manifest.
  func changeManifest(_ change: (inout Object) throws -> Void) throws {
    var manifest = try manifest()
    try change(&manifest)
    try point(to: try bytes(manifest))
  }

  /// Changes the layers of the manifest.
  func changeLayers(_ change: (inout [Object]) throws -> Void) throws {
    try changeManifest { manifest in
      var layers = manifest["layers"] as? [Object] ?? []
      try change(&layers)
      manifest["layers"] = layers
    }
  }

  static func role(of layer: Object) -> String? { (layer["annotations"] as? Object)?["dev.tantra.role"] as? String }

  /// Changes the version's record.
  func changeRecord(_ change: (inout Object) throws -> Void) throws {
    try changeLayers { layers in
      guard let index = layers.firstIndex(where: { Self.role(of: $0) == "manifest" }) else { return }
      var record = try object("layout/blobs/sha256/" + (layers[index]["digest"] as? String ?? "").dropFirst(7))
      try change(&record)
      let (digest, size) = try put(try bytes(record))
      (layers[index]["digest"], layers[index]["size"]) = (digest, size)
    }
  }

  /// A layer.
  static func layer(_ role: String, blob: String, _ content: (digest: String, size: Int), path: String) -> Object {
    [
      "mediaType": "application/vnd.cncf.model.weight.v1.raw", "digest": content.digest, "size": content.size,
      "annotations": ["dev.tantra.role": role, "dev.tantra.blob": blob, "org.cncf.model.filepath": path],
    ]
  }
}
