"""Where a request comes from, as far as that can be believed: what a brake on guessing counts by."""

import ipaddress

from starlette.datastructures import Headers
from starlette.types import Scope

from app.door.access import Access

SHARED = "share"  # everybody who comes through the tunnel


def of(scope: Scope, access: Access, shared: bool) -> str:
    """Whose tries these are. Visitors through a tunnel share one address, apart from everybody else's.

    Of the addresses that a trusted proxy passes on, the last one of the last line is its own word. A proxy may add a
    line instead of lengthening the one that the visitor sent.
    """
    if shared:
        return SHARED
    lines = Headers(scope=scope).getlist("x-forwarded-for") if access.trust_proxy else []
    forwarded = lines[-1].rpartition(",")[2].strip() if lines else ""
    client = scope.get("client")
    return _network(forwarded or (client[0] if client else ""))


def _network(address: str) -> str:
    """The address itself, or of IPv6 the /64 that one visitor has as a whole."""
    try:
        numeric = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((numeric, 64), strict=False)) if numeric.version == 6 else address
