"""The games of MinAtar (Young & Tian 2019) in TensorFlow ops."""
