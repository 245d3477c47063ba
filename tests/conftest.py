"""Settings for all tests."""

import os

# Tests run in parallel, and OpenMP threads that wait by spinning would slow down the other tests. torch reads this when
# it is first imported, here and in the processes that tests start; a stage sets its own number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
