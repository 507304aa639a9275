"""The pictures of a folder, filled: which ones (plan), what became of them (manifest), the work itself (run)."""
