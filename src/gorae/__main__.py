"""`python -m gorae`: the command line."""

from gorae.cli import main

if __name__ == "__main__":
    main()
