"""`python -m rigatino` is the command line."""

from rigatino.cli import main

if __name__ == "__main__":
    main()
