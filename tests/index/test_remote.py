"""What only an index on a server can suffer, and where an index may lie."""

import pytest
from qdrant_client import QdrantClient, models

from anybind.server.index import BadLocation, IndexDown, WrongSpace, open_index
from anybind.server.index.remote import RemoteIndex

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


@pytest.mark.parametrize("location", ["http://127.0.0.1:1", "grpc://127.0.0.1:1"])
def test_a_server_that_is_not_there_is_named(location):
    with pytest.raises(IndexDown, match=location):
        open_index(location, 8, "5" * 32)


@pytest.mark.parametrize("location", ["", "ftp://host/x", "http://", "http://host:x", "grpc://host:99999999"])
def test_a_location_that_is_none_is_refused(location):
    with pytest.raises(BadLocation):
        open_index(location, 8, "5" * 32)


def test_a_collection_made_by_other_means_is_judged_by_its_points():
    client = QdrantClient(":memory:")
    client.create_collection("theirs", models.VectorParams(size=8, distance=models.Distance.COSINE))
    RemoteIndex(client, "theirs", 8, "5" * 32)  # empty: nothing in it speaks against
    client.upsert("theirs", [models.PointStruct(id=1, vector=[1.0] * 8, payload={"space_id": "6" * 32})])
    with pytest.raises(WrongSpace, match="6" * 32):
        RemoteIndex(client, "theirs", 8, "5" * 32)
    client.upsert("theirs", [models.PointStruct(id=1, vector=[1.0] * 8, payload={"colour": "red"})])
    with pytest.raises(WrongSpace, match="unknown"):
        RemoteIndex(client, "theirs", 8, "5" * 32)
