"""LaMa: resolution-robust large mask inpainting with Fourier convolutions (Suvorov et al., arXiv 2109.07161)."""
