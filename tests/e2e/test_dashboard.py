"""Dashboard and alert rules in deploy/monitoring: what they ask for is what our programs say, and alerts are raised when
they should be (tests/vectors/monitoring)."""

import json
import pathlib
import re
import urllib.request

import grpc
import pytest
import yaml

from conftest import Mesh
from mesh import pods
from mesh.injector import Injector
from mesh.monitoring import Monitored, Scrape
from mesh.platform import Platform
from mesh.workspace import Workspace

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = TOP / "deploy/monitoring/marblerun-alerts.yaml"
CASES = TOP / "tests/vectors/monitoring/alerts-test.yaml"
DASHBOARD = json.loads((TOP / "deploy/monitoring/marblerun-dashboard.json").read_text())
PANELS = [p for p in DASHBOARD["panels"] if p["type"] != "row"]

_ISTIO = {"reporter", "source_workload", "source_principal", "destination_workload", "destination_principal",
          "destination_port", "connection_security_policy", "response_flags"}
_OWN = {"direction", "address", "peer_type"}
# What marbles with TLS tags say of their connections.
DATA_PLANE = {
    **{f"istio_tcp_{what}_total": _ISTIO
       for what in ("connections_opened", "connections_closed", "sent_bytes", "received_bytes")},
    **{f"inbound_tcp_authz_{what}_total": {"target_port", "client_id", "tls"} for what in ("allow", "deny")},
    "marblerun_connections_refused_total": _OWN | {"reason"}, "marblerun_connections_open": _OWN,
    "marblerun_handshakes_resumed_total": _OWN,
    "marblerun_handshake_duration_seconds_bucket": _OWN | {"le"},
    "marblerun_connect_duration_seconds_bucket": _OWN | {"le"},
    "marblerun_access_log_lost_total": set(), "marblerun_version_info": {"version"},
}
SCRAPED = {"job", "instance"}  # Prometheus adds these
FUNCTIONS = {"sum", "rate", "increase", "min", "count", "changes", "absent", "time", "histogram_quantile", "max_over_time"}
WORDS = {"by", "on", "or", "and"}


def labels_of(scrape):
    return {sample.name: set(sample.labels) for family in scrape.families.values() for sample in family.samples}


@pytest.fixture(scope="module")
def served(tmp_path_factory, binaries):
    """{name of a series: its labels}, of programs that have something to say."""
    workspace = Workspace(tmp_path_factory.mktemp("served"), binaries)
    platform = Platform(workspace)
    mesh = Mesh(Monitored(workspace, platform), platform, workspace.program())
    mesh.set()
    mesh.activate()
    with pytest.raises(grpc.RpcError):
        mesh.activate("stranger")
    found = labels_of(mesh.coordinator.scrape())
    injector = Injector(workspace, "-metricsAddr=127.0.0.1:0")
    injector.review(pods.review(pods.simple()))
    found.update(labels_of(Scrape(scrape_of(injector))))
    for process in (mesh.coordinator.process, injector.process):
        assert process.stop() == 0
    workspace.check()
    return {**found, **DATA_PLANE}


def scrape_of(injector):
    port = injector.wait_for_event("serving metrics")["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as reply:
        return reply.read().decode()


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions():
    """(where, expression), with what Grafana puts in place of its variables."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            expression = re.sub(r"\$__(rate_interval|range)", "5m", target["expr"])
            yield panel["title"], re.sub(r"\$(job|instance|marbles)\b", ".*", expression)


EXPRESSIONS = list(expressions())


def test_every_expression_is_understood(workspace):
    rules = [{"record": f"checked:{i}", "expr": expression} for i, (_, expression) in enumerate(EXPRESSIONS)]
    assert len(rules) > 40 and not [e for _, e in EXPRESSIONS if "$" in e]
    path = workspace.write("rules.yaml", yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    workspace.run(["promtool", "check", "rules", path])


def names_in(expression):
    """{metric: labels that are asked for}; labels behind by and on go to "by"."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    grouping = re.findall(r"\b(?:by|on) \(([^)]*)\)", bare)
    found = {"by": {label.strip() for group in grouping for label in group.split(",")}}
    bare = re.sub(r"\b(?:by|on) \([^)]*\)", "", bare)
    for name, selector in re.findall(r"\b([a-z_]\w*)\b(\{[^}]*\})?", re.sub(r"\[[^\]]*\]", "", bare)):
        if name not in FUNCTIONS | WORDS and not re.search(rf"[{{,]\s*{name}[=!]", bare):
            found.setdefault(name, set()).update(re.findall(r"[{,]\s*(\w+)[=!]", selector))
    return found


@pytest.mark.parametrize("where,expression", EXPRESSIONS)
def test_only_what_is_served_is_asked_for(served, where, expression):
    found = names_in(expression)
    grouped = found.pop("by")
    assert found, expression
    for name, labels in found.items():
        assert name in served, f"{where}: {name}"
        assert labels <= served[name] | SCRAPED, f"{where}: {name}"
    assert grouped <= set.union(*(served[name] for name in found)) | SCRAPED, where


def test_what_the_data_plane_says_is_this():
    source = (TOP / "src/telemetry/show_metrics.c").read_text()
    assert set(re.findall(r'"((?:istio|inbound|marblerun)_\w+)"', source)) == {name.removesuffix("_bucket") for name in DATA_PLANE}
    for labels in DATA_PLANE.values():
        assert all(f'"{label}"' in source for label in labels - {"le"})


def test_every_metric_of_the_coordinator_has_a_panel_or_needs_none(served):
    """What is new shall not be forgotten."""
    asked = {name for _, expression in EXPRESSIONS for name in names_in(expression)}
    parts = re.compile(r"_(count|sum)$")
    forgotten = {name for name in served if not parts.search(name)} - asked
    assert forgotten == {"injector_version_info", "marblerun_version_info"}


def test_the_check_sees_a_wrong_name(served):
    assert names_in('rate(coordinator_stat{job="x",tpye="a"}[5m])') == {"by": set(), "coordinator_stat": {"job", "tpye"}}
    with pytest.raises(AssertionError):
        test_only_what_is_served_is_asked_for(served, "here", "coordinator_stat")
    with pytest.raises(AssertionError):
        test_only_what_is_served_is_asked_for(served, "here", 'coordinator_state{tpye="a"}')
    with pytest.raises(AssertionError):
        test_only_what_is_served_is_asked_for(served, "here", "sum by (tpye) (coordinator_state)")


def test_the_rules_are_accepted(workspace):
    workspace.run(["promtool", "check", "rules", RULES])


def test_alerts_are_raised_when_they_should_be(workspace):
    workspace.run(["promtool", "test", "rules", CASES])


@pytest.mark.parametrize("name", [rule["alert"] for rule in alerts()])
def test_each_alert_is_tried_both_ways(name):
    tried = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]
             if case["alertname"] == name]
    assert {bool(case.get("exp_alerts")) for case in tried} == {True, False}


def test_the_page_explains_these_alerts():
    section = (TOP / "docs/monitoring.md").read_text().split("## Alerts")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == {rule["alert"] for rule in alerts()}


def test_the_dashboard_can_be_imported():
    panels = DASHBOARD["panels"]
    assert len({p["id"] for p in panels}) == len(panels) > 30
    variables = {v["name"]: v for v in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"]) > 0
        for target in panel["targets"]:
            used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval", "__range"}
            assert used <= set(variables), panel["title"]
    assert len({p["title"] for p in panels}) == len(panels)


def test_no_panel_hides_another():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_variables_ask_for_what_is_served(served):
    queries = [v["query"]["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
    assert len(queries) == 3
    for query in queries:
        name, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query).groups()
        assert name in served and label in SCRAPED
