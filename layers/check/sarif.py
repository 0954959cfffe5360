"""SARIF: findings as code scanners and editors exchange them (OASIS, SARIF 2.1.0)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from xxhash import xxh3_128_hexdigest

from layers.check.finding import Finding, Result, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "SRCROOT"


def as_sarif(result: Result, rules: Mapping[str, Rule], version: str, spec: str) -> str:
    """One run as a document; ``spec`` stands for an image that no file is found for.

    What is silenced is in it with its reason, as suppressed in the source.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    order = {name: number for number, name in enumerate(rules)}

    def told(finding: Finding, reason: str | None = None) -> dict[str, Any]:
        same = (finding.rule, finding.file, finding.message)
        seen[same] += 1
        value: dict[str, Any] = {
            "ruleId": finding.rule,
            "ruleIndex": order[finding.rule],
            "level": finding.severity,
            "message": {"text": "\n".join(filter(None, (finding.message, finding.hint)))},
            "locations": [{"physicalLocation": _place(finding, spec)}],
            # of no line, so that a scanner knows a finding again when lines above it come or go
            "partialFingerprints": {"doitLayers/v1": _fingerprint(*same, str(seen[same]))},
        }
        if finding.images:
            value["properties"] = {"images": list(finding.images)}
        if reason is not None:
            value["suppressions"] = [{"kind": "inSource", "justification": reason}]
        return value

    driver = {"name": "doit-layers", "version": version, "rules": [*map(_rule, rules.values())]}
    invocation: dict[str, Any] = {"executionSuccessful": True}
    if result.notes:
        notes = [{"level": "note", "message": {"text": note}} for note in result.notes]
        invocation["toolExecutionNotifications"] = notes
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [
            *(told(each) for each in result.findings),
            *(told(each.finding, each.reason) for each in result.silenced),
        ],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.about},
        "help": {"text": f"{rule.about}\ndoit help rule {rule.name}"},
        "defaultConfiguration": {"level": rule.severity},
    }


def _place(finding: Finding, spec: str) -> dict[str, Any]:
    path = spec if finding.file in finding.images else finding.file
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path), "uriBaseId": _ROOT}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return place


def _fingerprint(*parts: str) -> str:
    return xxh3_128_hexdigest("\0".join(parts).encode("utf-8", "surrogatepass"))
