"""The catalogue of rules: every one there is, by name; docs/rules has a page for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from layers.check import silence
from layers.check.finding import Finding, Rule
from layers.check.rules import (
    cache,
    context,
    contradictions,
    credentials,
    hangs,
    late,
    order,
    pins,
    security,
)
from layers.check.subject import Subject

Check = Callable[[Subject], Iterable[Finding]]

REFUSED = Rule("refused", "error", "a Dockerfile or context that BuildKit would refuse")
CONTRADICTING_PINS = Rule("contradicting-pins", "error", "two versions of one package in one call")
UNKNOWN_PACKAGE = Rule("unknown-package", "error", "a package that the base's index does not have")
PIP_PIN = Rule("pip-pin", "error", "a Python requirement that no index can meet")
SECRET_IN_LAYER = Rule("secret-in-layer", "error", "a secret in a layer of the built image")
SIZE_BUDGET = Rule("size-budget", "error", "an image over its max_size, or near it")
HADOLINT = Rule("hadolint", "warning", "what hadolint says")
BUILD_CHECKS = Rule("build-checks", "warning", "what BuildKit's own checks say")

OFFLINE: tuple[Check, ...] = (
    hangs.check,
    order.check,
    contradictions.check,
    cache.check,
    late.check,
    pins.check,
    context.check,
    security.check,
    credentials.check,
)
"""What needs the files alone."""

ONLINE_RULES = (UNKNOWN_PACKAGE, PIP_PIN)
BUILT_RULES = (SECRET_IN_LAYER, SIZE_BUDGET)
OTHER_RULES = (REFUSED, CONTRADICTING_PINS, HADOLINT, BUILD_CHECKS)

RULES: dict[str, Rule] = {
    each.name: each
    for each in (
        *OTHER_RULES[:1],
        *hangs.RULES,
        *ONLINE_RULES,
        *OTHER_RULES[1:2],
        *order.RULES,
        *cache.RULES,
        *late.RULES,
        *pins.RULES,
        *context.RULES,
        *security.RULES,
        *credentials.RULES,
        *BUILT_RULES,
        *OTHER_RULES[2:],
        *silence.RULES,
    )
}
