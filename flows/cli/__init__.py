"""The ``songline`` command. The module of each command is imported when the command is called."""
