"""The endpoint of a server of known speed. (tests.tunable_server imports nothing of the studio: it starts often.)"""

from engine.serve import endpoints, routing
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.serving import ready_model
from tests.tunable_server import NAMES


def served(socket: str, kind: str = "transformers") -> Endpoint:
    """The endpoint `jokes`, ready, as the studio has it when the server at that socket has come up.

    The reconciler, where one runs, looks after its process, of which there is none; not so with the kind `external`.
    """
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    with db.session() as session:
        backend = session.get_one(Backend, endpoint.active_backend_id)
        backend.status, backend.address, backend.kind = EndpointStatus.READY, f"unix:{socket}", kind
        backend.served_names, backend.device = NAMES, "cpu"
    routing.forget()
    return endpoint
