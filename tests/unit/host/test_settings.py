"""What builds are told of this machine: what they can reach, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.host import settings as hostsettings
from layers.host.settings import PipSettings, npm_conf, pip_settings, proxies, secret


@dataclass
class Source:
    file: str | None = None
    env: str | None = None
    builtin: str | None = None


def test_proxies_are_the_predefined_args() -> None:
    """In both spellings; empty ones and other variables are left out."""
    env = {"HTTP_PROXY": "http://p.test", "no_proxy": "x", "HTTPS_PROXY": "", "PATH": "/bin"}
    assert proxies(env) == {"HTTP_PROXY": "http://p.test", "no_proxy": "x"}


def test_pip_files_are_read_weakest_first(tmp_path: Path) -> None:
    """The section of a command beats [global], a later file an earlier one, the environment all."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(
        "[global]\nindex-url = https://one.test/simple\nextra_index_url =\n  https://a.test/s\n"
        "  https://b.test/s\ntrusted-host = a.test\n[install]\ntrusted-host = i.test\n"
    )
    two.write_text("[global]\nindex-url = https://two.test/simple\n")
    files = [str(one), str(two), str(tmp_path / "missing")]
    assert pip_settings({}, files) == PipSettings(
        "https://two.test/simple", ("https://a.test/s", "https://b.test/s"), ("i.test",)
    )
    assert (
        pip_settings({"PIP_INDEX_URL": "https://env.test/s"}, files).index == "https://env.test/s"
    )


@pytest.mark.parametrize(
    "url",
    [
        "file:///opt/simple",
        "/opt/simple",
        "http://localhost:3141/root",
        "http://me:x@127.0.0.1/s",
        "http://[::1]:80/s",
    ],
)
def test_an_index_on_this_machine_is_left_out(url: Any, tmp_path: Path) -> None:
    """A container would look for it in itself."""
    settings = pip_settings(
        {"PIP_INDEX_URL": url, "PIP_EXTRA_INDEX_URL": f"{url} https://a.test/s"}, []
    )
    assert settings == PipSettings("", ("https://a.test/s",))


def test_a_broken_pip_conf_is_left_out(tmp_path: Path) -> None:
    """pip itself says what is wrong with it."""
    (tmp_path / "pip.conf").write_text("index-url = x\n[")
    assert pip_settings({}, [str(tmp_path / "pip.conf")]) == PipSettings()


def test_a_pip_conf_lists_each_index_once() -> None:
    """As text that pip reads."""
    settings = PipSettings("https://i.test/s", ("https://a.test/s",), ("a.test",))
    assert settings.conf("http://127.0.0.1:1/simple/", "https://a.test/s") == (
        "[global]\n"
        "index-url = https://i.test/s\n"
        "extra-index-url =\n"
        "    https://a.test/s\n"
        "    http://127.0.0.1:1/simple/\n"
        "trusted-host =\n"
        "    a.test\n"
    )
    assert PipSettings().conf() == "[global]\n"


def test_passwords_do_not_show_in_a_representation() -> None:
    """A value ends up in tracebacks and logs sooner or later."""
    assert "secret" not in repr(
        PipSettings("https://u:secret@i.test", ("https://u:secret@e.test",))
    )


def test_pip_without_files_when_told_so() -> None:
    """PIP_CONFIG_FILE=/dev/null means: none at all."""
    assert hostsettings.pip_files({"PIP_CONFIG_FILE": "/dev/null", "HOME": "/home/x"}) == []


def test_npm_registries_come_with_their_own_logins(tmp_path: Path) -> None:
    """And with nobody else's; other settings of the machine stay here."""
    (tmp_path / "npmrc").write_text(
        "; remark\nregistry = https://r.test/npm/\n@own:registry=https://own.test\nfund=false\n"
        "@here:registry=http://localhost:4873\n"
        "//r.test/npm/:_authToken=${TOKEN}\n//own.test/:_auth=b\n//else.test/:_authToken=c\n"
        "cafile=/etc/x\n"
    )
    assert npm_conf({"TOKEN": "t"}, [str(tmp_path / "npmrc")]) == (
        "//own.test/:_auth=b\n"
        "//r.test/npm/:_authToken=t\n"
        "@own:registry=https://own.test\n"
        "registry=https://r.test/npm/\n"
    )
    assert npm_conf({"npm_config_registry": "https://e.test/"}, []) == "registry=https://e.test/\n"


def test_a_secret_comes_from_its_source(tmp_path: Path) -> None:
    """None where it is not there; an error where it is and cannot be read."""
    (tmp_path / "token").write_bytes(b"\xfft")
    assert secret(Source(file=str(tmp_path / "token")), {}) == b"\xfft"
    assert secret(Source(file=str(tmp_path / "none")), {}) is None
    assert secret(Source(env="T"), {"T": "x"}) == b"x"
    assert secret(Source(env="T"), {}) is None
    env = {"PIP_CONFIG_FILE": "/dev/null"}
    assert secret(Source(builtin="pip"), env, index="http://127.0.0.1:1/simple/") == (
        b"[global]\nextra-index-url =\n    http://127.0.0.1:1/simple/\n"
    )
    with pytest.raises(LayersError, match="a secret's file cannot be read"):
        secret(Source(file=str(tmp_path)), {})
