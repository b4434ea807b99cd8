"""``python -m flows.cli`` is ``songline``."""

from flows.cli.main import main

if __name__ == "__main__":
    main()
