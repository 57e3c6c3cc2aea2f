"""Long work: what takes longer than a screen may wait, with progress."""
