"""Settings of all tests."""

import os

# Tests run side by side; threads that wait for each other by spinning would take the processor from the other tests.
# Read when torch is first imported, here and in the processes that tests start; a stage sets its own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
