"""All of it at one address: assembly from Settings."""
