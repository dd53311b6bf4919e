"""Serve every room: errors, atomic file writes, progress bars, named random numbers, the environment."""
