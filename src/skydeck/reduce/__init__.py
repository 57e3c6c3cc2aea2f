"""Many samples become one number a pixel; pure."""
