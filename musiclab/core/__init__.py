"""What serves every room: errors, whole files, progress bars, named random numbers, the environment."""
