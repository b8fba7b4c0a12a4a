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
    patchSize = try fields.dimension("patch_size")
    channelCount = try fields.dimension("num_channels")
    guard imageSize % patchSize == 0 else {
      throw ConfigurationFields.Problem(
        "image_size: expected a multiple of patch_size \(patchSize), found \(imageSize)")
    }
    // Three factors meet in a patch's elements.
    guard patchSize <= 1 << 12, channelCount <= 1 << 12 else {
      throw ConfigurationFields.Problem(
        "patch_size, num_channels: expected at most 4096, found \(patchSize), \(channelCount)")
    }
  }
}

extension OcrNativeModel {
  /// Reads what ``configuration`` writes, with other dimensions perhaps.
  package init(reading fields: ConfigurationFields, tensorCount: Int) throws(ConfigurationFields.Problem) {
    layers = try MambaLayers(reading: fields, tensorCount: tensorCount)
    classCount = try fields.dimension("vocab_size")
    imageHeight = try fields.dimension("image_height")
    stemChannels = try fields.dimensions("stem_channels", limit: 8)
    stemWidthStrides = try fields.dimensions("stem_width_strides", limit: 8)
    guard stemWidthStrides.count == stemChannels.count else {
      throw ConfigurationFields.Problem("stem_width_strides: expected as many as stem_channels")
    }
    guard imageHeight % (1 << stemChannels.count) == 0 else {
      throw ConfigurationFields.Problem(
        "image_height: expected a multiple of \(1 << stemChannels.count), which the stem divides it by, found \(imageHeight)"
      )
    }
  }
}
