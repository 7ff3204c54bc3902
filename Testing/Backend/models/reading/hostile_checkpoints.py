"""Checkpoints that claim more than they hold, or are packed to mislead; safetensors as well."""

import functools
import io
import json
import pickle
import struct
import zipfile

import torch

from Backend.models.reading.hostile_pickles import call, name, number, stored, text

N_BYTES = 1 << 16
MAGIC = 0x1950A86A20F9469CFC6C


def zip_of(parts, method=zipfile.ZIP_STORED):
    """A zip of some bytes by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    return buffer.getvalue()


def zipped(data, numbers=bytes(N_BYTES), *, method=zipfile.ZIP_STORED):
    """A zip of torch's with this pickle in it, and one storage."""
    parts = {"data.pkl": data, "byteorder": b"little", "data/0": numbers, "version": b"3\n"}
    return zip_of({f"x/{part}": data for part, data in parts.items()}, method)


def legacy(data):
    """A file of torch before 1.6 with this pickle in it."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    before = b"".join(pickle.dumps(value, protocol=2) for value in (MAGIC, 1001, system))
    return (
        before
        + data
        + pickle.dumps(["0"], protocol=2)
        + struct.pack("<q", N_BYTES // 4)
        + bytes(N_BYTES)
    )


def refer(n, key="0", kind="FloatStorage", *, more=b""):
    """A reference to numbers outside the pickle; old files say one thing more."""
    where = text(key) + text("cpu")
    return b"(" + text("storage") + name("torch", kind) + where + number(n) + more + b"tQ"


def tensor(numbers, size, stride, offset=0):
    sizes, strides = (b"(" + b"".join(map(number, values)) + b"t" for values in (size, stride))
    hooks = call(name("collections", "OrderedDict"))
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    return call(rebuild, numbers, number(offset), sizes, strides, b"\x89", hooks)


def claiming(*, is_old):
    """Checkpoints whose tensors do not fit: title, pickle, and the reason."""
    storage = functools.partial(refer, more=b"N" if is_old else b"")
    n = 10**12
    yield "a storage of terabytes", stored(tensor(storage(n), (n,), (1,))), "larger than the file"
    yield "a storage of no size", stored(storage(-1)), "without a name or size"
    absent = stored(storage(4, "7"))
    yield "a storage that is not there", absent, "larger than the file|cannot be read"
    yield "a tensor of terabytes", stored(tensor(storage(4), (n,), (0,))), "larger than its numbers"
    beyond = stored(tensor(storage(4), (4,), (1,), offset=10**9))
    yield "a tensor beyond its storage", beyond, "larger than its numbers"
    backwards = stored(tensor(storage(4), (4,), (1,), offset=-4))
    yield "a tensor before its storage", backwards, "tensor in a way that no model"
    twice = storage(4) + storage(1, kind="DoubleStorage") + b"\x86"
    yield "one storage of two kinds", stored(twice), "in two ways"
    n_there = N_BYTES // 4
    again = b"](" + tensor(storage(n_there), (n_there,), (1,)) * 5_000 + b"e"
    yield "one storage for thousands", stored(again), "for too many tensors"
    bytes_ = stored(call(name("builtins", "bytearray"), number(n)))
    yield "bytes of terabytes", bytes_, "builtins.bytearray"
    untyped = stored(call(name("torch.storage", "UntypedStorage"), number(n)))
    yield "a storage made at once", untyped, "torch.storage.UntypedStorage"
    typed = stored(call(name("torch", "FloatStorage"), number(n)))
    yield "a typed storage made at once", typed, "torch.FloatStorage, which may only"
    direct = stored(call(name("torch", "FloatTensor"), number(n)))
    yield "a tensor made at once", direct, "torch.FloatTensor"
    sparse = stored(call(name("torch._utils", "_rebuild_sparse_tensor")))
    yield "a sparse tensor", sparse, "torch._utils._rebuild_sparse_tensor"
    changed = stored(tensor(storage(4), (4,), (1,)) + b"}b")
    yield "a tensor changed afterwards", changed, "inside of a torch._utils._rebuild_tensor_v2"
    module = b"(" + text("module") + name("torch", "FloatStorage") + text("a") * 3 + b"tQ"
    yield "source code beside the numbers", stored(module), "something else than the numbers"


def packed():
    """Files of torch packed to mislead: title, bytes, and the reason."""
    good = stored(tensor(refer(4), (4,), (1,)))
    numbers = bytes(16)
    network = io.BytesIO()
    torch.save(torch.nn.Sequential(torch.nn.Conv3d(1, 1, 1)), network)
    yield "a whole network", network.getvalue(), r"whole pickled network \(torch\.nn\.modules\."
    yield (
        "parts in two folders",
        zip_of({"x/data.pkl": good, "y/data/0": b""}),
        "not a zip of torch's",
    )
    yield "two pickles", zip_of({"x/data.pkl": good, "x/DATA.PKL": b"."}), "two parts of one name"
    yield "no pickle", zip_of({"x/data/0": b""}), "not a zip of torch's"
    program = zip_of({"x/data.pkl": good, "x/constants.pkl": b""})
    yield "a program", program, "TorchScript program"
    bomb = zipped(good + bytes(100_000_000), method=zipfile.ZIP_DEFLATED)
    yield "a compressed pickle", bomb, "compressed in an unusual way"
    yield "an endless pickle", zipped(b"\x80\x02" + b"N0" * 17_000_000), "longer than 32 MB"
    lying = zipped(good, numbers)
    start = lying.rindex(b"PK\x01\x02", 0, lying.rindex(b"x/data/0"))
    sizes = struct.pack("<II", 10**9, 10**9)
    yield (
        "a part larger than the file",
        lying[: start + 20] + sizes + lying[start + 28 :],
        "overlap|larger",
    )
    first, second = zipped(good, numbers), zipped(stored(b"K\x01"), numbers)
    yield "one zip after another", first + second, "put together in an unusual way"
    yield "a zip with a comment", first[:-2] + b"\x01\x00x", "put together in an unusual way"
    yield "half a file", zipped(good, numbers)[:-200], "cannot be read"
    yield (
        "a table of contents of gigabytes",
        index_of(zipped(good, numbers), 3 << 30),
        "cannot be read|too long",
    )
    yield "nothing", b"", "cannot be read"
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "cannot be read"


def index_of(data, n_bytes):
    """The zip with another length of its table of contents."""
    end = data.rindex(b"PK\x05\x06")
    return data[: end + 12] + struct.pack("<I", n_bytes) + data[end + 16 :]


def safetensors(header, data=b"", *, length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def safe():
    """Safetensors files with hostile headers: title, bytes, and the reason."""

    def one(start, end, *, shape=(2,), dtype="F32"):
        return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}

    four = bytes(16)
    yield "a header of exabytes", safetensors({}, length=2**63), "table of contents is too long"
    yield "a header of 200 MB", safetensors({}, length=200 << 20), "table of contents is too long"
    yield (
        "a header longer than the file",
        safetensors({}, length=5_000),
        "cannot be read.*[Hh]eader",
    )
    overlap = {"a": one(0, 8), "b": one(4, 12)}
    yield "tensors that overlap", safetensors(overlap, four[:12]), "cannot be read.*offset"
    outside = {"a": one(0, 8), "b": one(8, 4_000_000_000, shape=(999_999_998,))}
    yield "a tensor beyond the end", safetensors(outside, four), "cannot be read"
    backwards = {"a": one(8, 0)}
    yield "a tensor that ends before it starts", safetensors(backwards, four), "cannot be read"
    yield "a type that is unknown", safetensors({"a": one(0, 8, dtype="EVAL")}, four[:8]), "EVAL"
    endless = {"a": one(0, 8, shape=(2**62, 2**62))}
    yield "a shape beyond counting", safetensors(endless, four[:8]), "cannot be read"
    yield "a negative shape", safetensors({"a": one(0, 8, shape=(-2,))}, four[:8]), "cannot be read"
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "a header nested deeply", safetensors(deep), "cannot be read"
    yield "a header of nonsense", safetensors(b"{\xff\xfe__import__"), "cannot be read"
