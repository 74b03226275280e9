"""Torch encoders become an artifact that serving reads: graphs, golden vectors, a manifest."""
