"""CoModGAN: image completion via co-modulated generative adversarial networks (Zhao et al., arXiv 2103.10428)."""
