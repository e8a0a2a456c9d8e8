"""What every part of Recoup shares: its settings, its list of processes, its command line."""

import os
import sys

if not os.environ.get("RECOUP_TRACE_URL"):
    # redis-py loads OpenTelemetry wherever it is installed, for metrics that nobody asks for: a
    # third of the time in which a service that was killed is back, and 3 MB of each process. A
    # module that is None is one that isn't installed. (Who has loaded it already wants it.)
    sys.modules.setdefault("opentelemetry", None)  # type: ignore[arg-type]
