"""Neural Collage: paints classes into pictures, and transplants parts of one picture into another."""
