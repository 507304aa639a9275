"""Measures of filled pictures. Each takes what a user would see: pictures [H,W,3] uint8 RGB, holes [H,W], 1 = hole."""
