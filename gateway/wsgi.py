"""What gunicorn serves: made in each worker process, after gevent has patched it."""

from grpc.experimental.gevent import init_gevent

from gateway import request_ids
from gateway.app import make_app
from recoup import faults, logs, tracing
from recoup.settings import settings

init_gevent()
logs.configure("gateway", request_ids.fields)
tracing.begin("gateway")
faults.arm("gateway", settings().fault, settings().data_dir)
app = make_app(settings())
app.extensions["sight"].watch()
