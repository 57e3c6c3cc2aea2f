"""``python -m skydeck``."""

from skydeck.cli import main

if __name__ == "__main__":
    main()
