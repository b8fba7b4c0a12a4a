import Tensors

/// What a derived file is made of: a state dict, and the files that travel with it.
struct ModelInput: Sendable {
  /// The model's name, as `general.name` has it.
  let name: String
  let stateDict: StateDict
  /// SHA-256 of each tensor, to see which are equal.
  let digests: [Digest]
  /// config.json; nil if there is none.
  let configuration: JSONDocument?
  let tokenizer: TokenizerFiles
  /// Bytes of modules.json, and of the files in the folders of poolings, by their paths: sentence-transformers' files.
  var modules: [String: [UInt8]] = [:]

  /// Index of a tensor by its name.
  let indices: [ByteString: Int]

  func index(of name: String) -> Int? { indices[ByteString(name)] }

  /// Elements over all tensors of a file, as llama.cpp's converter writes them: `677K`.
  static func sizeLabel(_ count: Int) -> String? {
    guard count > 0 else { return nil }
    let (scale, suffix): (Double, String) =
      switch count {
      case 1_000_000_000_001...: (1e-12, "T")
      case 1_000_000_001...: (1e-9, "B")
      case 1_000_001...: (1e-6, "M")
      default: (1e-3, "K")
      }
    let scaled = Double(count) * scale
    // At least two digits.
    let whole = scaled.rounded(.toNearestOrEven)
    if whole >= 10 { return "\(Int(whole))\(suffix)" }
    let digits = whole >= 1 ? 1 : 2
    let unit = digits == 1 ? 10 : 100
    let units = rounded(scaled, times: unit)
    let rest = String(units % unit)
    return "\(units / unit)." + String(repeating: "0", count: digits - rest.count) + rest + suffix
  }

  /// A product to the nearest whole number: of the exact value, as when a number is printed with some digits.
  private static func rounded(_ value: Double, times factor: Int) -> Int {
    let below = Int(value * Double(factor))
    let middle = Double(2 * below + 1)
    let product = value * Double(2 * factor)
    let error = (-product).addingProduct(value, Double(2 * factor))
    if product == middle, error == 0 { return below + below % 2 }
    return product > middle || product == middle && error > 0 ? below + 1 : below
  }
}

/// A field of config.json: what it should be, and what it is if not.
extension JSONDocument {
  /// A whole number from 0 to 2^31 - 1 under one of several names; nil if there is none.
  ///
  /// - Throws: ``Withheld`` if there is something else.
  func size(_ names: String...) throws(Withheld) -> Int? {
    for name in names {
      guard let value = self[name], !value.isNull else { continue }
      guard let number = value.wholeNumber, (0...Int(Int32.max)).contains(number) else {
        throw Withheld("config.json: \(name) is no whole number that a dimension can be")
      }
      return number
    }
    return nil
  }

  /// As ``size(_:)``, where there must be one.
  func requiredSize(_ name: String) throws(Withheld) -> Int {
    guard let size = try size(name) else { throw Withheld("config.json does not say \(name)") }
    return size
  }

  /// A number under one of several names; nil if there is none.
  func decimal(_ names: String...) throws(Withheld) -> Float? {
    for name in names {
      guard let value = self[name], !value.isNull else { continue }
      guard let number = value.floating, number.isFinite else { throw Withheld("config.json: \(name) is no number") }
      return Float(number)
    }
    return nil
  }
}
