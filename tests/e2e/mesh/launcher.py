"""marblerun-premain with a program that reports what it was given."""

import json

from mesh import manifests

REPORT = """
import json, os, sys
report = {"argv": sys.argv, "env": dict(os.environ), "pid": os.getpid(), "umask": os.umask(0o22)}
json.dump(report, open(os.environ["REPORT"], "w"))
"""


class Launcher:
    """Starts a program that reports what it was given."""

    def __init__(self, workspace, coordinator, platform):
        self.workspace, self.coordinator, self.platform = workspace, coordinator, platform
        self.program = workspace.write("service", "#!/usr/bin/python3\n" + REPORT, 0o700)
        self.report_path = workspace.folder / "report.json"
        workspace.allow_secrets_in(self.report_path)
        self.uuid_file = workspace.folder / "uuid"

    def environment(self, **more):
        given = {"EDG_MARBLE_TYPE": "app", "EDG_MARBLE_COORDINATOR_ADDR": self.coordinator.marble_address,
                 "EDG_MARBLE_UUID_FILE": self.uuid_file, "REPORT": self.report_path}
        if self.platform:
            given.update(self.platform.environment)
        given.update(more)
        if self.platform and "EDG_MARBLE_COORDINATOR_POLICY" in given:
            given["EDG_MARBLE_COORDINATOR_SIM_ROOT"] = self.platform.root
        return given

    def argv(self, *arguments):
        return [self.workspace.binaries.premain, self.program, *arguments]

    def set_manifest(self, entry=None, **sections):
        package = manifests.by_id(self.platform.measure(self.program))
        self.coordinator.set_manifest(manifests.simple(package, {"app": entry or {}}, **sections))

    def run(self, *arguments, **environment):
        """What the program reports."""
        self.workspace.run(self.argv(*arguments), **self.environment(**environment))
        return self.report()

    def report(self):
        report = json.loads(self.report_path.read_text())
        key = report["env"].get("MARBLE_PREDEFINED_PRIVATE_KEY")
        if key:
            self.workspace.secrets.add_pem("private key of a marble", key)
        return report

    def refused(self, *words, status=1, **environment):
        done = self.workspace.run(self.argv(), check=status, **self.environment(**environment))
        text = done.stderr.decode()
        for word in words:
            assert word in text, text
        assert not self.report_path.exists(), "the program must not run"
        return text


def policy_file(workspace, platform, **changes):
    policy = manifests.by_id(platform.measure(workspace.binaries.coordinator))
    policy.update(changes)
    return workspace.write("policy.json", json.dumps(policy))
