"""Torch encoders: raw rows in, unit vectors out. Training and export use them; serving never does."""
