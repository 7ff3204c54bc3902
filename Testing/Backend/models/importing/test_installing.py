"""Putting models in place: one at a time, whole, and nothing left of what was killed."""

import json
import subprocess
import sys
import textwrap
import threading

import pytest

from atlastumor.errors import AtlasTumorError, CardError, InputError, OutputError
from atlastumor.models.importing import import_model
from atlastumor.models.importing.installing import check_free
from atlastumor.models.store import verify_model
from Backend.models.card_examples import card_data
from Backend.models.importing import bundle_mocks
from Backend.models.importing.nnunet_mocks import make_network, make_trained


def test_of_two_imports_at_once_under_one_id_one_is_refused_and_the_other_whole(tmp_path):
    folders = [
        make_trained(tmp_path / str(seed), networks={"0": make_network("PlainConvUNet", 3, seed)})
        for seed in (1, 2)
    ]
    is_on_its_way = threading.Event()
    errors = []

    def tell_second(_fraction, stage):
        if stage == "Hashing the files":  # it has seen that the id is free
            is_on_its_way.set()

    def import_second():
        try:
            import_model(folders[1], tmp_path / "models", progress=tell_second)
        except AtlasTumorError as error:
            errors.append(error)
        finally:
            is_on_its_way.set()

    second = threading.Thread(target=import_second)

    def tell_first(_fraction, stage):
        if stage == "Trying the network" and second.ident is None:
            second.start()
            is_on_its_way.wait()

    card = import_model(folders[0], tmp_path / "models", progress=tell_first)
    second.join()

    assert [type(error) for error in errors] == [InputError]
    assert verify_model(card.id, tmp_path / "models") == card
    kept = {path.name for path in (tmp_path / "models").iterdir()}
    assert kept == {f"{card.id}.json", f"{card.id}.safetensors"}


def test_what_a_killed_import_left_behind_is_cleared_up_by_the_next(tmp_path):
    left = tmp_path / "models" / ".importing-abc"
    left.mkdir(parents=True)
    (left / "half.safetensors").write_bytes(b"0" * 100)
    (tmp_path / "models" / ".import.lock").touch()

    card = import_model(make_trained(tmp_path / "nn"), tmp_path / "models")

    kept = {path.name for path in (tmp_path / "models").iterdir()}
    assert kept == {f"{card.id}.json", f"{card.id}.safetensors"}


@pytest.mark.parametrize("takes", ["card", "weights"])
def test_an_import_never_takes_the_files_of_another_model(tmp_path, takes):
    folder = tmp_path / "models"
    folder.mkdir()
    weights = {"file": "new.safetensors" if takes == "weights" else "x.safetensors"}
    other = card_data() | {"id": "other"}
    other["weights"] |= weights
    path = folder / ("new.json" if takes == "card" else "y.json")
    path.write_text(json.dumps(other))
    (folder / weights["file"]).write_bytes(b"those of the other")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(InputError, match=r"for something else\. Import with another id"):
        import_model(make_trained(tmp_path / "nn"), folder, id="new")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("model_id", ["pins", "schema"])
def test_no_model_gets_a_name_under_which_none_is_looked_for(tmp_path, model_id):
    with pytest.raises(InputError, match=f"keeps '{model_id}.json' for something else"):
        check_free(model_id, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of the file size is POSIX's")
def test_a_disk_that_is_full_is_said_and_nothing_is_left(tmp_path):
    make_trained(tmp_path / "nn")
    script = textwrap.dedent(
        f"""
        import resource, signal
        from pathlib import Path
        from atlastumor.errors import OutputError
        from atlastumor.models.importing import import_model
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            import_model(Path({str(tmp_path / "nn")!r}), Path({str(tmp_path / "models")!r}))
        except OutputError as error:
            print(error)
        """
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert "cannot be written to: File too large" in done.stdout, done.stderr
    assert not list((tmp_path / "models").iterdir())


def test_a_models_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "models").write_text("no folder")

    with pytest.raises(OutputError, match="cannot be written to"):
        import_model(make_trained(tmp_path / "nn"), tmp_path / "models")


_SWIN = {"_target_": "SwinUNETR", "feature_size": 12, "depths": [1, 1, 1, 1]}
_UNETR = {
    "_target_": "UNETR",
    "img_size": [32, 32, 32],
    "feature_size": 4,
    "hidden_size": 24,
    "mlp_dim": 48,
    "num_heads": 2,
}


@pytest.mark.parametrize(
    ("network", "window", "said"),
    [
        (_SWIN, [32, 32, 32], "cannot take windows of .32, 32, 32.: Expected more than 1"),
        (_UNETR, [64, 32, 32], "windows of .64, 32, 32. do not fit"),
    ],
)
def test_a_network_that_cannot_take_its_windows_is_not_imported(tmp_path, network, window, said):
    network = {**network, "in_channels": 1, "out_channels": 3}
    config = {**bundle_mocks.CONFIG, "network_def": network, "patch": window}
    made = bundle_mocks.make_network(network)
    bundle = bundle_mocks.make_bundle(tmp_path / "bundle", config, network=made)

    with pytest.raises(CardError, match=said):
        import_model(bundle, tmp_path / "models")

    assert not list((tmp_path / "models").iterdir())
