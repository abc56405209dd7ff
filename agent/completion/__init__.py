"""What the command line says about itself: to a shell that completes words, and as a manual page."""
