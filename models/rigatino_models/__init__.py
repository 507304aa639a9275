"""Inpainting networks: pictures in, pictures out. Knows no socket, no file dialog and no GIMP."""
