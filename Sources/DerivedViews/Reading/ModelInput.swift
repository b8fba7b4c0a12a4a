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
    let tenths = Int((scaled * 10).rounded(.toNearestOrEven))
    if whole >= 1 { return "\(tenths / 10).\(tenths % 10)\(suffix)" }
    let hundredths = Int((scaled * 100).rounded(.toNearestOrEven))
    let digits = String(hundredths % 100)
    return "\(hundredths / 100).\(digits.count == 1 ? "0" : "")\(digits)\(suffix)"
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
