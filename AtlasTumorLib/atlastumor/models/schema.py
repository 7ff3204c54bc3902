"""The part of JSON Schema that model cards use, checked with messages that name the key.

Known words: type, enum, pattern, minLength, maxLength, minimum, maximum, items, minItems,
maxItems, uniqueItems, properties, required, additionalProperties. `cards/schema.json` holds
every bound; what spans two keys (channels, thresholds) is checked in `conflicts.py`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["find_fault", "parse_json"]

_MOST_LEVELS = 64
_MOST_CHARACTERS = 64

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def parse_json(text: str) -> Any:
    """Read JSON strictly: no repeated keys, no NaN, no Infinity, nothing that only harms.

    Args:
        text: The document.

    Returns:
        Its value: at most 64 levels deep, its numbers finite and short, its text Unicode.

    Raises:
        ValueError: If it is not such a document; the message says why.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_int=lambda digits: int(_short(digits)),
            parse_float=_finite,
        )
    except RecursionError:
        msg = "it is nested too deeply"
        raise ValueError(msg) from None
    _check_depth(value)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        msg = f"the key '{key[:_MOST_CHARACTERS]}' comes twice"
        raise ValueError(msg)
    return unique


def _refuse_constant(name: str) -> Any:
    msg = f"{name} is not a number that JSON knows"
    raise ValueError(msg)


def _short(digits: str) -> str:
    if len(digits) > _MOST_CHARACTERS:
        msg = f"it holds a number of {len(digits)} digits"
        raise ValueError(msg)
    return digits


def _finite(digits: str) -> float:
    number = float(_short(digits))
    if not math.isfinite(number):
        msg = f"{digits} is too large a number"
        raise ValueError(msg)
    return number


def _check_depth(value: Any) -> None:
    """Refuse, level by level, what would exhaust whoever follows it, and text that is none."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        texts = [item for item in level if isinstance(item, str)]
        tables = [item for item in level if isinstance(item, dict)]
        texts += [key for table in tables for key in table]
        if not all(map(str.isascii, texts)):
            "".join(texts).encode()  # half a pair of surrogates is an error here
        lists = [item for item in level if isinstance(item, list)]
        level = [item for table in tables for item in table.values()]
        level += [item for items in lists for item in items]
        if not level:
            return
    msg = "it is nested too deeply"
    raise ValueError(msg)


def find_fault(value: Any, schema: Mapping[str, Any], key: str = "") -> str | None:
    """Find the first thing in a JSON value that its schema does not allow.

    Args:
        value: What `parse_json` returned.
        schema: A schema in the words listed above.
        key: Name of the value, for the message; empty for the whole document.

    Returns:
        A phrase such as "input.spacing_mm[1] must be at most 20, not 30", or None.
    """
    return next(_faults(value, schema, key), None)


def _faults(value: Any, schema: Mapping[str, Any], key: str) -> Iterator[str]:
    name = key or "the card"
    if not _has_type(value, schema.get("type")):
        yield f"{name} must be {_article(schema['type'])}, not {json.dumps(value)[:60]}"
        return
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(json.dumps(choice) for choice in schema["enum"])
        yield f"{name} must be one of {choices}, not {json.dumps(value)[:60]}"
    if isinstance(value, str):
        yield from _text_faults(value, schema, name)
    elif isinstance(value, dict):
        yield from _object_faults(value, schema, key)
    elif isinstance(value, list):
        yield from _array_faults(value, schema, name)
    elif isinstance(value, (int, float)):
        yield from _number_faults(value, schema, name)


def _has_type(value: Any, wanted: str | list[str] | None) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted or list(_TYPES)
    if isinstance(value, bool):  # Python counts booleans among the integers, JSON does not
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _article(wanted: str | list[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return " or ".join(f"{'an' if name[0] in 'aeio' else 'a'} {name}" for name in names)


def _text_faults(value: str, schema: Mapping[str, Any], name: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{name} must not be empty"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{name} must have at most {schema['maxLength']} characters, not {len(value)}"
    if "pattern" in schema and re.search(schema["pattern"].replace("$", r"\Z"), value) is None:
        yield f"{name} must look like {schema['pattern']}, not {json.dumps(value)[:60]}"


def _number_faults(value: float, schema: Mapping[str, Any], name: str) -> Iterator[str]:
    if value < schema.get("minimum", value):
        yield f"{name} must be at least {schema['minimum']}, not {value}"
    if value > schema.get("maximum", value):
        yield f"{name} must be at most {schema['maximum']}, not {value}"


def _object_faults(value: dict[str, Any], schema: Mapping[str, Any], key: str) -> Iterator[str]:
    known: Mapping[str, Any] = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    dot = f"{key}." if key else ""
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{dot}{name} is missing"
    for name, item in value.items():
        if name in known:
            yield from _faults(item, known[name], f"{dot}{name}")
        elif others is False:
            yield f"{dot}{name} is not a key here; known are {', '.join(sorted(known))}"
        elif isinstance(others, dict):
            yield from _faults(item, others, f"{dot}{name}")


def _array_faults(value: list[Any], schema: Mapping[str, Any], name: str) -> Iterator[str]:
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < low or (high is not None and len(value) > high):
        yield f"{name} must have {_say_count(low, high)}, not {len(value)}"
    if schema.get("uniqueItems") and any(value.count(item) > 1 for item in value):
        yield f"{name} must not repeat an item"
    for index, item in enumerate(value):
        yield from _faults(item, schema.get("items", {}), f"{name}[{index}]")


def _say_count(low: int, high: int | None) -> str:
    most = low if high is None else high
    words = {None: f"at least {low}", low: str(low)}.get(high, f"{low} to {high}")
    return f"{words} item{'' if most == 1 else 's'}"
