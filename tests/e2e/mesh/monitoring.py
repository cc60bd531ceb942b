"""What a coordinator tells whoever watches it, read by Prometheus' own Python library (Debian's)."""

import http.client
import json
import shutil
import subprocess

from prometheus_client.parser import text_string_to_metric_families

from mesh.coordinator import Coordinator, Reply

# These names are the public contract; promtool would have them without the kind.
CONTRACT_NAMES = {f"server_client_api_http_{what} metric name should not include type 'histogram'"
                  for what in ("request_duration_histogram_seconds", "request_size_histogram_bytes",
                               "response_size_histogram_bytes")}

# A refused connection in the access log of the data plane.
REFUSED_LINE = {"direction", "address", "outcome", "reason", "time", "local", "remote", "type", "peerType", "peerUUID",
                "sentBytes", "receivedBytes", "seconds", "process"}


class Scrape:
    def __init__(self, text):
        self.text = text
        self.families = {f.name: f for f in text_string_to_metric_families(text)}
        self._samples = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self._samples, f"twice: {key}"
                self._samples[key] = sample.value

    def value(self, name, **labels):
        """None when there is no such sample."""
        return self._samples.get((name, frozenset(labels.items())))

    def samples(self, name):
        """[(labels, value)] of all samples of that name."""
        return [(dict(labels), value) for (found, labels), value in self._samples.items() if found == name]

    def total(self, name):
        return sum(value for _, value in self.samples(name))


def promtool_complaints(text):
    """None when this machine has no promtool."""
    if not shutil.which("promtool"):
        return None
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True)
    return set((done.stdout + done.stderr).decode().splitlines())


class Monitored(Coordinator):
    """A coordinator that is watched."""

    def __init__(self, workspace, platform=None, **environment):
        super().__init__(workspace, platform,
                         **{"EDG_COORDINATOR_PROMETHEUS_ADDR": "127.0.0.1:0", **environment})
        self.metrics_port = next(e["port"] for e in super().events()
                                 if e["event"] == "serving metrics and events")

    def watch(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=30)
        try:
            connection.request(method, path)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def scrape(self):
        reply = self.watch("/metrics")
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert self.workspace.secrets.found_in(reply.body) is None
        return Scrape(reply.body.decode())

    def activations(self):
        """What GET /events says."""
        reply = self.watch("/events")
        assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
        assert self.workspace.secrets.found_in(reply.body) is None
        return json.loads(reply.body)
