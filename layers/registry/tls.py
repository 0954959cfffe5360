"""Certificates of registries, where Docker keeps them: /etc/docker/certs.d/<host[:port]>/."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layers.registry.registry import RegistryError

if TYPE_CHECKING:
    import ssl

DOCKER_CERTS = "/etc/docker/certs.d"


@dataclass(frozen=True)
class Certificates:
    """Paths of one host's files, sorted."""

    authorities: tuple[str, ...] = ()
    """``*.crt``: trusted beside the machine's own."""
    clients: tuple[tuple[str, str], ...] = ()
    """``*.cert`` with its ``*.key``: who we are."""


def certificates(host: str, root: str = DOCKER_CERTS) -> Certificates:
    """The files for ``host[:port]`` below ``root``, none for a host without a folder.

    Raises RegistryError for a ``.cert`` without ``.key`` or the other way round, as Docker does.
    Source: docs.docker.com, "Verify repository client with certificates".
    """
    folder = os.path.join(root, host)
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return Certificates()
    except OSError as error:
        raise RegistryError(
            f"cannot read the certificates for {host}: {error.strerror}",
            file=folder,
            hint="let this user read the folder, as Docker's daemon does",
        ) from error
    for one, other in ((".cert", ".key"), (".key", ".cert")):
        for name in names:
            stem, end = os.path.splitext(name)
            if end == one and f"{stem}{other}" not in names:
                raise RegistryError(
                    f"{name} has no {stem}{other} beside it",
                    file=os.path.join(folder, name),
                    hint="a client certificate is a .cert and its .key; an authority is a .crt",
                )
    paths = [os.path.join(folder, name) for name in names]
    clients = [path for path in paths if path.endswith(".cert")]
    return Certificates(
        tuple(path for path in paths if path.endswith(".crt")),
        tuple((path, f"{path[: -len('.cert')]}.key") for path in clients),
    )


def context(found: Certificates) -> ssl.SSLContext | None:
    """What TLS to that host is done with; None: as to any other host.

    Raises RegistryError that names the file which cannot be used.
    """
    if found == Certificates():
        return None
    import ssl

    made = ssl.create_default_context()
    for path, key in [*((one, "") for one in found.authorities), *found.clients]:
        try:
            if key:
                made.load_cert_chain(path, key)
            else:
                made.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(
                f"cannot use this certificate: {error}",
                file=path,
                hint="expected PEM text that this user may read, with a key without passphrase",
            ) from error
    return made
