"""What a picture's file says of itself, format by format, and where it breaks its own rules."""
