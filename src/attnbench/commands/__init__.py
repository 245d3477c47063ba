"""The subcommands of `attnbench`, one a file: `commands/<name>.py` is `attnbench <name>`.

A command's docstring begins with its line of help. `arguments(parser)` adds what it takes; `run(arguments, here)` does
it and returns whether it succeeded, `here` being the folder it was typed in. The files are imported for `--help`, so
what a command needs is imported by its `run`.
"""
