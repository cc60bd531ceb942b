"""A simulated platform, made and changed by the command line."""

import json


class Platform:
    def __init__(self, workspace, name="platform"):
        self.workspace = workspace
        self.folder = workspace.folder / name
        self._command("init", self.folder)

    @property
    def environment(self):
        return {"MARBLERUN_SIM_PLATFORM": str(self.folder)}

    @property
    def root(self):
        return self.folder / "root_ca.pem"

    def _command(self, *arguments):
        return self.workspace.run([self.workspace.binaries.cli, "sim", *arguments]).stdout

    def measure(self, program):
        """{UniqueID, SignerID, ProductID, SecurityVersion, Debug} as a manifest's package has them."""
        return json.loads(self._command("measure", self.folder, program, "--output", "json"))

    def sign(self, program, product=1, version=1, debug=False):
        flags = ["--debug"] if debug else []
        self._command("sign", self.folder, program, "--product-id", product,
                      "--security-version", version, *flags)

    def set_tcb(self, status, *advisories):
        flags = [f for a in advisories for f in ("--advisory", a)]
        self._command("set-tcb", self.folder, status, *flags)

    def quote(self, program, report_data):
        """A bare quote, issued as that program by the public C interface."""
        done = self.workspace.run([self.workspace.binaries.issue_quote, program, report_data.hex()],
                                  **self.environment)
        return done.stdout
