"""Pluralistic Image Completion (PIC): many answers to one hole, drawn from a latent Gaussian."""
