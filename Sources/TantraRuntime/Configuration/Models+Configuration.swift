extension MambaLayers {
  /// Reads the dimensions as transformers' `MambaConfig` does, defaults included.
  ///
  /// - Parameter tensorCount: tensors that there are; more layers than that cannot be right and are refused, so that no
  ///   config.json makes a check long.
  package init(reading fields: ConfigurationFields, tensorCount: Int) throws(ConfigurationFields.Problem) {
    hiddenSize = try fields.dimension("hidden_size", absent: 768)
    count = try fields.dimension("num_hidden_layers", absent: 32)
    guard count <= tensorCount else {
      throw ConfigurationFields.Problem("num_hidden_layers: \(count) layers, but there are only \(tensorCount) tensors")
    }
    stateSize = try fields.dimension("state_size", absent: 16)
    convolutionKernel = try fields.dimension("conv_kernel", absent: 4)
    // Both factors are at most 2^30, so the product fits.
    innerSize = Int(try fields.positiveNumber("expand", absent: 2) * Double(hiddenSize))
    guard innerSize > 0 else { throw ConfigurationFields.Problem("expand: leaves no channels") }
    let automaticRank = (hiddenSize + 15) / 16
    timeStepRank =
      fields.string("time_step_rank") == "auto"
      ? automaticRank : try fields.dimension("time_step_rank", absent: automaticRank)
    hasProjectionBias = try fields.boolean("use_bias", absent: false)
    hasConvolutionBias = try fields.boolean("use_conv_bias", absent: true)
  }
}

extension MambaLayers {
  /// - Throws: a problem if `key` gives the layers other directions than forward and backward in turns; it may be absent.
  func requireAlternatingDirections(_ fields: ConfigurationFields, _ key: String) throws(ConfigurationFields.Problem) {
    let found = fields.strings(key)
    guard found.isEmpty || ConfigurationValue.array(found.map { .string($0) }) == alternatingDirections else {
      throw ConfigurationFields.Problem("\(key): expected forward and backward in turns, one for each layer")
    }
  }
}

extension MambaModel {
  /// Reads a config.json of transformers.
  package init(reading fields: ConfigurationFields, tensorCount: Int) throws(ConfigurationFields.Problem) {
    layers = try MambaLayers(reading: fields, tensorCount: tensorCount)
    vocabularySize = try fields.dimension("vocab_size", absent: 50280)
    tiesEmbeddings = try fields.boolean("tie_word_embeddings", absent: true)
  }
}

extension MambaMultimodalModel {
  /// Reads what ``configuration`` writes, with other dimensions perhaps.
  package init(reading fields: ConfigurationFields, tensorCount: Int) throws(ConfigurationFields.Problem) {
    layers = try MambaLayers(reading: fields, tensorCount: tensorCount)
    vocabularySize = try fields.dimension("vocab_size")
    imageSize = try fields.dimension("image_size")
    channelCount = try fields.dimension("num_channels")
    visionChannels = try fields.channels("vision_channels")
    guard imageSize % (1 << visionChannels.count) == 0, imageSize <= ConfigurationFields.imageLimit else {
      throw ConfigurationFields.Problem(
        "image_size: expected a multiple of \(1 << visionChannels.count), which the stages divide it by, and at most "
          + "\(ConfigurationFields.imageLimit), found \(imageSize)")
    }
    guard channelCount == 1 || channelCount == 3 else {
      throw ConfigurationFields.Problem("num_channels: expected 1 or 3, found \(channelCount)")
    }
    try layers.requireAlternatingDirections(fields, "image_directions")
  }
}

extension OcrNativeModel {
  /// Reads what ``configuration`` writes, with other dimensions perhaps.
  package init(reading fields: ConfigurationFields, tensorCount: Int) throws(ConfigurationFields.Problem) {
    layers = try MambaLayers(reading: fields, tensorCount: tensorCount)
    classCount = try fields.dimension("vocab_size")
    imageHeight = try fields.dimension("image_height")
    stemChannels = try fields.channels("stem_channels")
    stemWidthStrides = try fields.dimensions("stem_width_strides", limit: 8)
    guard stemWidthStrides.count == stemChannels.count else {
      throw ConfigurationFields.Problem("stem_width_strides: expected as many as stem_channels")
    }
    guard stemWidthStrides.allSatisfy({ $0 <= 4 }) else {
      throw ConfigurationFields.Problem("stem_width_strides: expected 1 to 4, found \(stemWidthStrides)")
    }
    guard imageHeight % (1 << stemChannels.count) == 0, imageHeight <= ConfigurationFields.imageLimit else {
      throw ConfigurationFields.Problem(
        "image_height: expected a multiple of \(1 << stemChannels.count), which the stem divides it by, and at most "
          + "\(ConfigurationFields.imageLimit), found \(imageHeight)")
    }
    try layers.requireAlternatingDirections(fields, "layer_directions")
  }
}
