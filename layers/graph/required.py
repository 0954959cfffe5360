"""What has to be on this machine before an image can be built, and the words for when it is not:
required files, which are inputs that are not in git, and SSH keys.
"""

from __future__ import annotations

import os
import stat

from layers.config.spec import Image, Require, Spec


def problem_of(folder: str, image: str, require: Require) -> str:
    """What is wrong with a required file below ``folder``, "" when it is right."""
    path = os.path.join(folder, require.path)
    if not os.path.isfile(path):
        return f"{image}: {require.path} is missing\n  {require.message}".rstrip()
    if require.sha256 is None:
        return ""
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() == require.sha256:
        return ""
    return (
        f"{image}: {require.path} is another file: its SHA-256 is {digest.hexdigest()}, "
        f"expected {require.sha256}\n  {require.message}"
    ).rstrip()


def ssh_keys(root: str, image: Image) -> tuple[str, ...]:
    """The agents and keys of an image as buildx takes them: an id, or ``id=/path``."""
    pairs = (each.partition("=") for each in image.ssh)
    return tuple(f"{name}={_key(root, path)}" if path else name for name, _, path in pairs)


def lacking(root: str, spec: Spec, image: Image, problem: str) -> str:
    """A problem of an image's files, if any, and which of its agents and keys are not here."""
    found = [problem] if problem else []
    for number, each in enumerate(image.ssh):
        name, _, path = each.partition("=")
        if path:
            at = _key(root, path)
            said = "" if os.path.exists(at) else f"there is no key or agent {path}"
            hint = f"make it (ssh-keygen), or take {name} from an agent: ssh = [{name!r}]"
        else:
            at = os.environ.get("SSH_AUTH_SOCK", "")
            said = "" if _is_socket(at) else "no SSH agent answers here"
            hint = f"eval $(ssh-agent); ssh-add; or name a key's file: '{name}=~/.ssh/id_ed25519'"
        if said:
            line = spec.line(image.name, "ssh", number)
            found.append(f"{spec.path}:{line}: {image.name}: ssh {name!r}: {said}\n  {hint}")
    return "\n".join(found)


def _key(root: str, path: str) -> str:
    return os.path.normpath(os.path.join(root, os.path.expanduser(path)))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
