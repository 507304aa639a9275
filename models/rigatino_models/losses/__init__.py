"""Training losses, each named after its paper."""
