"""Links, files and code: what is on the screen, to be kept or sent."""
