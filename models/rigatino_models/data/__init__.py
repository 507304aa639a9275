"""Training data: photographs and holes, both drawn from a seed."""
