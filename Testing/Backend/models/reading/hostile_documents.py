"""JSON that harms whoever reads it, and cards in which code is written."""

import copy
import json

from Backend.models.card_examples import card_data

CODE = "__import__('os').system('touch canary')"


def documents():
    """JSON that is refused: title, bytes, and the reason."""
    yield "lists nested deeply", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"
    yield "tables nested 100 deep", b'{"a":' * 100 + b"1" + b"}" * 100, "nested too deeply"
    yield "a number of a million digits", b"1" * 1_000_000, "a number of 1000000 digits"
    yield "a fraction of a million digits", b"0." + b"1" * 1_000_000, "a number of 1000002 digits"
    yield "a number beyond all numbers", b"1e999", "too large a number"
    yield "no number", b"[NaN]", "NaN is not a number"
    yield "a key that comes again", b'{"a": 1, "b": 2, "a": 3}', "'a' comes twice"
    keys = b",".join(b'"%d": 0' % n for n in range(50_000))
    yield "thousands of keys, one twice", b"{" + keys + b', "0": 1}', "'0' comes twice"
    yield "half a character", b'["\\ud800"]', "surrogates"
    yield "code", CODE.encode(), "Expecting value"
    yield "half a document", b'{"a": [1, 2', "Expecting"


def cards():
    """Cards that are refused: title, bytes, and the reason."""

    def altered(path, value):
        data = copy.deepcopy(card_data())
        inner = data
        *way, last = path
        for key in way:
            inner = inner[key]
        inner[last] = value
        return json.dumps(data).encode()

    yield "code as an id", altered(["id"], CODE), "id must look like"
    yield "code as a file", altered(["weights", "file"], CODE), "weights.file must look like"
    outside = altered(["weights", "file"], "../../canary.safetensors")
    yield "a file elsewhere", outside, "weights.file must look like"
    yield "a hash that is code", altered(["weights", "sha256"], CODE), "weights.sha256"
    yield "code as a network", altered(["network", "name"], CODE), "network.name"
    yield "a module as a network", altered(["network", "name"], "os.system"), "network.name"
    yield "code as a number", altered(["input", "spacing_mm", 0], CODE), "spacing_mm"
    yield "a window of terabytes", altered(["inference", "patch"], [10**6] * 3), "inference.patch"
    yield "a key of the language", altered(["__class__"], "os"), "__class__ is not a key"
    yield "a card of two megabytes", altered(["summary"], "x" * 2_000_000), "larger than 1 MB"


def tables():
    """YAML that is refused: title, bytes, and the reason."""
    yield "YAML that calls", b"a: !!python/object/apply:os.system ['touch canary']", "constructor"
    yield "YAML nested deeply", b"a: " + b"[" * 100_000, "nested too deeply"
    yield "YAML that holds itself", b"a: &a [*a]", "refers to its own parts"
    yield "YAML of a million digits", b"a: " + b"1" * 100_000, "a value of 100000 characters"
    yield "YAML of megabytes", b"a:\n" + b"- 1\n" * 100_000, "larger than 256 kB"
