"""What a release is written as besides Parquet, for other people's catalogues and devices: one module per export."""
