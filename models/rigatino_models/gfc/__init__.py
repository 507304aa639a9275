"""Generative Face Completion (GFC): one aligned face of 128x128 pixels, completed from noise in the hole."""
