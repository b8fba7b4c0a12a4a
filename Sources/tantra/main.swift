print("tantra")
