"""Completing a face: found by its eyes, turned and scaled to the place that the network knows, and laid back."""
