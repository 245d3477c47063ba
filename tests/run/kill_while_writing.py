"""As `sitecustomize` it kills its process while that writes: KILL is a part of a path, which write, and a delay.

The delay is in seconds, from the moment at which the file is opened, renamed or removed. Child processes go on.
"""

import os
import signal
import sys
import threading
from itertools import count

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.link", "os.chmod", "shutil.copyfile"}

if "KILL" in os.environ:
    part, number, delay = os.environ.pop("KILL").split()
    writes = count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in EVENTS or part not in " ".join(map(str, arguments[:2])):
            return
        if event == "open" and not int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR):
            return
        if next(writes) == int(number):
            if float(delay):
                threading.Timer(float(delay), os.kill, [os.getpid(), signal.SIGKILL]).start()
            else:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
