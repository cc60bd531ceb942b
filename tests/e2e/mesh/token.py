"""A PKCS#11 token with keys of users."""

import json
import pathlib

from mesh import certificates


class Token:
    """A SoftHSM token with its own store."""

    MODULE = next((p for p in (pathlib.Path("/usr/lib/softhsm/libsofthsm2.so"),
                               pathlib.Path("/usr/lib64/softhsm/libsofthsm2.so")) if p.exists()), None)

    def __init__(self, workspace, label="mesh", pin="a-pin-of-12-digits"):
        self.workspace, self.label, self.pin = workspace, label, pin
        store = workspace.folder / f"token-{label}"
        store.mkdir()
        conf = workspace.write(f"softhsm2-{label}.conf", f"directories.tokendir = {store}\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": conf}
        self._util("--init-token", "--free", "--label", label, "--so-pin", "so-pin-unused")
        workspace.secrets.add("PIN", pin)
        self.config = self.configure(f"token-{label}.json", Pin=pin)
        workspace.allow_secrets_in(self.config)

    def configure(self, name, **members):
        whole = {"Path": str(self.MODULE), "TokenLabel": self.label, **members}
        return self.workspace.write(name, json.dumps({k: v for k, v in whole.items() if v is not None}))

    def _util(self, *arguments):
        self.workspace.run(["softhsm2-util", *arguments, "--pin", self.pin], **self.environment)

    def put(self, user, label, identifier="a1"):
        """The user's key and certificate."""
        self.put_key(user.key, label, identifier)
        der = self.workspace.write(f"{label}.der", user.der)
        self.workspace.run(["pkcs11-tool", "--module", self.MODULE, "--token-label", self.label, "--login",
                            "--pin", "env:TOKEN_PIN", "--write-object", der, "--type", "cert", "--label",
                            label, "--id", identifier], TOKEN_PIN=self.pin, **self.environment)

    def put_key(self, key, label, identifier="a1"):
        file = self.workspace.write(f"import-{label}.pem", certificates.pem(key))
        self._util("--import", file, "--token", self.label, "--label", label, "--id", identifier)
        file.unlink()
