"""One run: train a model, test it, keep it, use it."""
