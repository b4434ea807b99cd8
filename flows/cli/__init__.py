"""The ``songline`` command. Each command is loaded when it is called."""
