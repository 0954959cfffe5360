"""An apt beside the system's own: its sources, lists and archives lie in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence

from layers.host.apt import AptSource
from layers.runtime.files import write_text


def lay_out(folder: str, sources: Sequence[AptSource]) -> dict[str, str]:
    """Make ``folder`` one that apt works in, as on a system without any package.

    Returns the environment that has apt-get and apt-cache use it; lists are read by
    ``apt-get update``, archives come to rest in ``folder``/cache/archives.
    """
    for each in ("lists/partial", "cache/archives/partial"):
        os.makedirs(f"{folder}/{each}", exist_ok=True)
    write_text(f"{folder}/status", "")
    write_text(f"{folder}/from.sources", "\n\n".join(each.stanza() for each in sources) + "\n")
    write_text(f"{folder}/apt.conf", _configuration(folder))
    return {"APT_CONFIG": f"{folder}/apt.conf"}


def _configuration(apt: str) -> str:
    """Settings on top of the system's own (proxies, credentials): see apt.conf(5)."""
    values = {
        "Dir::Etc::SourceList": f"{apt}/from.sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::State::Lists": f"{apt}/lists",
        "Dir::State::status": f"{apt}/status",
        "Dir::Cache": f"{apt}/cache",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
    }
    lines = [f'{name} "{value}";' for name, value in values.items()]
    # Hooks of the desktop's software centres would look at our lists.
    lines += ["#clear APT::Update::Post-Invoke;", "#clear APT::Update::Post-Invoke-Success;"]
    return "\n".join(lines) + "\n"
