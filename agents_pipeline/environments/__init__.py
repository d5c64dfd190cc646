"""What to act in: tensor environments and gymnasium's."""
