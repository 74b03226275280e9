"""`anybind eval`: how well a model finds anything with anything, measured through the public door."""
