"""The daemon and the command line: inpainting for GIMP and for the shell, on this computer alone."""
