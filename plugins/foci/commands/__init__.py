"""What people type, in rooms and on the terminal, and the replies."""
