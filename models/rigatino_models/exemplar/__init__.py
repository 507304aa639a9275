"""Texture copied from the picture itself: patches voted into a hole, coarse to fine, along a network's answer."""
