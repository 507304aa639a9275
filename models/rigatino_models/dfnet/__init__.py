"""Deep Fusion Network (DFNet): fills a hole and says how the fill passes into what is known."""
