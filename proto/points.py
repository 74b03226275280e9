"""How a point without an id gets one: known to the server, which fills it in, and to clients, which look it up."""

import uuid

# UUIDv5 of "anybind.v1.Point" under the OID namespace. It never changes: stored points depend on it.
NAMESPACE = uuid.UUID("7e7362bc-9dae-552d-8935-79cd235deb98")


def point_id(modality: str, uri: str) -> str:
    """The id of the point that holds a modality's embedding of what lies at a uri: a version 5 UUID."""
    return str(uuid.uuid5(NAMESPACE, f"{modality}\n{uri}"))
