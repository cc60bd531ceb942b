"""The command line with a policy for this coordinator."""

import json

from mesh import manifests


class Cli:
    def __init__(self, workspace, coordinator, platform):
        self.workspace, self.coordinator, self.platform = workspace, coordinator, platform
        package = manifests.by_id(platform.measure(workspace.binaries.coordinator))
        self.policy = workspace.write("coordinator-era.json", json.dumps(package))
        self.kept = workspace.folder / "home/.config/marblerun/coordinator-cert.pem"

    def run(self, *arguments, check=True, **environment):
        return self.workspace.run([self.workspace.binaries.cli, *arguments], check=check, **environment)

    def trusting(self, *arguments, check=True, coordinator=None):
        """With policy and simulated root named."""
        return self.run(*arguments, (coordinator or self.coordinator).client_address, "--era-config",
                        self.policy, "--sim-root", self.platform.root, check=check)

    def manifest(self, name="manifest.json", **sections):
        program = self.workspace.program()
        text = json.dumps(manifests.simple(manifests.by_id(self.platform.measure(program)), **sections))
        return self.workspace.write(name, text)
