"""What gunicorn serves: made in each worker process, after gevent has patched it."""

from grpc.experimental.gevent import init_gevent

from gateway.app import make_app
from recoup import logs
from recoup.settings import settings

init_gevent()
logs.configure("gateway")
app = make_app(settings())
