"""One module per command; each exports its click command as `command`."""
