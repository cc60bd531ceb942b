"""A bare Debian in a folder: made by debootstrap from the machine's own mirror, entered by chroot in namespaces
of its own, so that what a test starts there ends with it."""
import os
import re
import shutil
import stat
import subprocess
import tempfile
import urllib.error
import urllib.request


def release():
    with open("/etc/os-release", encoding="utf-8") as f:
        return re.search(r"^VERSION_CODENAME=(\w+)", f.read(), re.M)[1]


def mirror():
    """Of the machine's own apt."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)",
                             "Created-By: Packages"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = [line.split()[2] for line in listed.splitlines() if line.startswith(f"{release()} main http")]
    return found[0] if found else None


def missing():
    """Why there can be none here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("debootstrap", "unshare", "lintian", "dpkg-deb"):
        if not shutil.which(tool):
            return f"{tool} is not here (tools/install-packages packages)"
    if not mirror():
        return "apt has no http mirror of Debian's main"
    try:
        urllib.request.urlopen(f"{mirror()}dists/{release()}/Release", timeout=20).close()
    except (OSError, urllib.error.URLError) as e:
        return f"{mirror()} does not answer: {e}"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        return "no namespaces may be made here"
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.mknod(os.path.join(folder, "null"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
            open(os.path.join(folder, "null"), "rb").close()
    except OSError as e:
        return f"no devices may be made here: {e}"
    return None


class BareDebian:
    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def make(cls, folder):
        done = subprocess.run(["debootstrap", "--variant=minbase", release(), str(folder), mirror()],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        proxy = subprocess.run(["apt-config", "dump", "Acquire::http::Proxy"], stdout=subprocess.PIPE, text=True,
                               check=True).stdout
        (folder / "etc/apt/apt.conf.d/90-proxy").write_text(proxy)
        # nobody starts services in a chroot
        (folder / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)
        return cls(folder)

    def copy(self, folder):
        subprocess.run(["cp", "-a", str(self.folder), str(folder)], check=True)
        return BareDebian(folder)

    def run(self, *argv, check=True, user=None, umask="022", timeout=1500, **environment):
        """In mount and process namespaces of its own: what it mounts and what it leaves running ends with it."""
        who = [f"--userspec={user}"] if user else []
        shared_memory = f'mount -t tmpfs -o mode=1777 shm "{self.folder}/dev/shm" && exec "$@"'
        inside = ["sh", "-c", shared_memory, "-", "chroot", *who, str(self.folder), "/bin/sh", "-c",
                  f'umask {umask}; exec "$@"', "-", *map(str, argv)]
        done = subprocess.run(["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child",
                               f"--mount-proc={self.folder}/proc", *inside],
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LC_ALL": "C.UTF-8",
                                   **environment},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, check=False)
        if check:
            assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout[-8000:]}"
        return done

    def apt(self, *arguments, **more):
        return self.run("apt-get", "-qq", "-y", "--no-install-recommends", *arguments, DEBIAN_FRONTEND="noninteractive",
                        **more)

    def files(self):
        """Every file but what package management writes for itself."""
        own = ("var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "tmp", "proc", "dev", "packages", "var/lib/systemd/deb-systemd-helper")
        found = set()
        for folder, folders, names in os.walk(self.folder):
            here = os.path.relpath(folder, self.folder)
            folders[:] = [name for name in folders if os.path.normpath(os.path.join(here, name)) not in own]
            found.update(os.path.normpath(os.path.join(here, name)) for name in [*folders, *names])
        return found
