"""Zips that lead elsewhere, hold what is no file, or unpack to more than the disk holds."""

import io
import stat
import struct
import zipfile


def entry(name, *, mode=stat.S_IFREG | 0o644, create_system=3):
    """An entry whose name is written as it is."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = info.orig_filename = name
    info.external_attr = mode << 16
    info.create_system = create_system
    return info


def zip_of(*entries, method=zipfile.ZIP_STORED):
    """A zip of (name or entry, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for which, content in entries:
            info = entry(which) if isinstance(which, str) else which
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def renamed(data, before, after):
    """The zip with a name replaced by one of the same length, which the writer would refuse."""
    assert len(before) == len(after)
    assert before in data
    return data.replace(before, after)


def named():
    """Zips with names that are refused: title, bytes, and the reason."""
    good = ("plans.json", b"{}")

    def with_name(name):
        return zip_of(good, (name, b"x"))

    elsewhere = "leads elsewhere"
    yield "a name that climbs", with_name("../../canary"), elsewhere
    yield "a name that climbs within", with_name("a/../../canary"), elsewhere
    yield "an absolute name", with_name("/canary"), elsewhere
    yield "a name without a name", with_name("a//b"), elsewhere
    yield "a name that is a dot", with_name("./a"), elsewhere
    odd = "cannot be used everywhere"
    yield "a name with backslashes", with_name("..\\..\\canary"), odd
    yield "a drive", with_name("C:/canary"), odd
    yield "a stream", with_name("plans.json:canary"), odd
    yield "a device of Windows", with_name("fold_0/NUL.txt"), odd
    yield "a name that ends in a dot", with_name("canary."), odd
    yield "a name with a line break", with_name("a\nb"), odd
    yield "a name with NUL", renamed(with_name("canary.py_"), b"canary.py_", b"canary\x00py_"), odd
    yield "a long name", with_name("x" * 5_000), "too long"
    yield "a long way down", with_name("x/" * 2_000 + "x"), "too long"
    twice = renamed(zip_of(good, ("plane.json", b"x")), b"plane", b"plans")
    yield "one name twice", twice, "two parts of one name"
    yield "names that differ in case", with_name("PLANS.json"), "two parts of one name"
    accents = zip_of(("caf\u00e9.json", b""), ("cafe\u0301.json", b""))
    yield "names that differ in how they are written", accents, "two parts of one name"
    yield "a file for a folder", with_name("plans.json/x"), "takes a file for a folder"
    link = zip_of(good, (entry("canary", mode=stat.S_IFLNK | 0o777), b"/etc/passwd"))
    yield "a link", link, "link or a device"
    for title, kind in {"a pipe": stat.S_IFIFO, "a device": stat.S_IFCHR}.items():
        yield title, zip_of(good, (entry("canary", mode=kind | 0o666), b"")), "link or a device"


def oversized():
    """Zips that would fill the disk: title, bytes, and the reason."""
    zeros = bytes(100_000_000)
    bomb = zip_of(("weights.bin", zeros), method=zipfile.ZIP_DEFLATED)
    yield "a bomb", bomb, "unpack to 100 MB"
    many = zip_of(*((f"{n}", b"") for n in range(10_001)))
    yield "too many files", many, "more than 10000 files"
    small = zip_of(("weights.bin", b"x" * 1_000), method=zipfile.ZIP_DEFLATED)
    start = small.rindex(b"PK\x01\x02")
    lie = small[: start + 24] + struct.pack("<I", 100) + small[start + 28 :]
    yield "a lie about a size", lie, "cannot be read|lies about its sizes"
    claim = small[: start + 24] + struct.pack("<I", 4_000_000_000) + small[start + 28 :]
    yield "a claim of gigabytes", claim, "unpack to 4000 MB"
    yield "parts that overlap", overlapping(), "parts overlap"


def overlapping():
    """A zip whose two names share the bytes of one part, from its table of contents alone."""
    data = zip_of(("a.bin", b"x" * 1_000), ("b.bin", b""))
    second = data.rindex(b"PK\x01\x02")
    both = bytearray(data)
    first = data.index(b"PK\x01\x02")
    both[second + 42 : second + 46] = data[first + 42 : first + 46]
    return bytes(both)


def locked():
    """Zips that cannot be unpacked: title, bytes, and the reason."""
    plain = zip_of(("plans.json", b"{}"))
    marked = bytearray(plain)
    for start in (plain.index(b"PK\x03\x04") + 6, plain.index(b"PK\x01\x02") + 8):
        marked[start] |= 1
    yield "an encrypted zip", bytes(marked), "encrypted"
    for title, method in {"lzma": zipfile.ZIP_LZMA, "bzip2": zipfile.ZIP_BZIP2}.items():
        yield title, zip_of(("a", b"x"), method=method), "unusual way"
    yield "half a zip", plain[: len(plain) // 2], "cannot be read"
    wrong = bytearray(plain)
    wrong[plain.index(b"{}")] ^= 1
    yield "an altered zip", bytes(wrong), "cannot be read.*CRC"
    yield "no zip", b"7z\xbc\xaf\x27\x1c" + bytes(50), "cannot be read"


ARCHIVES = [*named(), *oversized(), *locked()]
