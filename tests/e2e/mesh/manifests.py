"""Manifests in as few words as a test needs."""


def simple(package, marbles=None, **sections):
    """One package "app"; marbles {name: entry}, by default one "app" without parameters."""
    marbles = marbles if marbles is not None else {"app": {}}
    manifest = {"Packages": {"app": package},
                "Marbles": {name: {"Package": "app", **entry} for name, entry in marbles.items()}}
    manifest.update(sections)
    return manifest


def by_id(measurement):
    """The package that is exactly this program."""
    return {"UniqueID": measurement["UniqueID"]}


def by_signer(measurement, **changes):
    package = {name: measurement[name] for name in ("SignerID", "ProductID", "SecurityVersion")}
    package.update(changes)
    return package


def env(**values):
    return {"Parameters": {"Env": values}}


def files(values):
    return {"Parameters": {"Files": values}}
