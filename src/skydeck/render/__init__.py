"""One number becomes one colour; pure."""
