"""Connections that are cut, paused and split at every byte: right data, or an error, and never less that looks whole."""

import json
import pathlib

import pytest

from mesh import cutting, plane
from mesh.world import PYTHON

SESSIONS = pathlib.Path(__file__).parent / "programs" / "sessions.py"
DIRECTIONS = {"to server": cutting.TO_SERVER, "to client": cutting.TO_CLIENT}
# Signatures are of several lengths, so are handshakes.
VARIES = 16


def sessions(world, how, plans):
    """(what the client saw, what the server saw) for each plan."""
    relay = cutting.Relay(world.port, plans)
    entry = plane.entry(world.authority, world.server)
    config = plane.config(world.folder, f"{how}.json", {f"127.0.0.1:{relay.port}": entry},
                          {f"*:{world.port}": dict(entry, clientAuth=True)})
    said = world.run(config, PYTHON, SESSIONS, how, world.port, relay.port, len(plans), seconds=100)
    relay.close()
    return [json.loads(line) for line in said.decode().splitlines()]


def length(world, how, direction):
    """Of a whole session, in bytes."""
    plans = [cutting.Plan() for _ in range(4)]
    assert sessions(world, how, plans) == [["whole", "whole"]] * 4
    return plans[-1].passed[direction]


def positions(world, how, direction, step):
    return range(0, length(world, how, direction) + VARIES, step)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("how, cut, step", [("blocking", "end", 1), ("blocking", "reset", 5), ("asyncio", "end", 1),
                                            ("asyncio", "reset", 5)])
def test_cut_at_every_byte(world, how, cut, step, direction):
    """Who receives in the direction that is cut never takes it for the end; whoever is told something is told an error."""
    at = positions(world, how, DIRECTIONS[direction], step)
    seen = sessions(world, how, [cutting.Plan(cut, DIRECTIONS[direction], n) for n in at])
    assert len(seen) == len(at)
    for n, (client, server) in zip(at, seen):
        assert {client, server} <= {"whole", "ECONNRESET", "EPIPE"}, (n, client, server)
        receiver = server if direction == "to server" else client
        assert receiver != "whole" or n > at[-1] - 2 * VARIES, (n, client, server)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("how", ["blocking", "asyncio"])
def test_paused_at_every_byte(world, how, direction):
    at = positions(world, how, DIRECTIONS[direction], 3)
    seen = sessions(world, how, [cutting.Plan("pause", DIRECTIONS[direction], n) for n in at])
    assert seen == [["whole", "whole"]] * len(at)


@pytest.mark.parametrize("how", ["blocking", "asyncio"])
def test_every_byte_on_its_own(world, how):
    assert sessions(world, how, [cutting.Plan("bytes", d) for d in DIRECTIONS.values()] * 4) == [["whole", "whole"]] * 8
