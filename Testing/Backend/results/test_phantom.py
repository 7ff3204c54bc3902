import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.errors import OutputError
from atlastumor.phantom import Phantom, PhantomOptions, make_phantom
from atlastumor.results.phantom import write_phantom


@pytest.fixture(scope="module")
def a_phantom() -> Phantom:
    return make_phantom(
        3, options=PhantomOptions(field_of_view="upper abdomen", slice_mm=5.0, in_plane_mm=5.0)
    )


def test_what_is_written_is_read_back(a_phantom: Phantom, tmp_path: Path) -> None:
    scan, labels, record = write_phantom(a_phantom, tmp_path / "new" / "phantom")

    for path, array in ((scan, a_phantom.scan.array), (labels, a_phantom.labels.array)):
        image = nibabel.load(path)
        assert image.get_data_dtype() == array.dtype
        assert (np.asarray(image.dataobj) == array).all()
        assert np.allclose(image.affine, a_phantom.scan.grid.affine, atol=1e-5)
    assert json.loads(record.read_text())["phantom"] == a_phantom.description


def test_nothing_but_the_folder_is_left_beside(a_phantom: Phantom, tmp_path: Path) -> None:
    write_phantom(a_phantom, tmp_path / "phantom")

    assert [path.name for path in tmp_path.iterdir()] == ["phantom"]


def test_a_second_phantom_replaces_the_first(a_phantom: Phantom, tmp_path: Path) -> None:
    first = write_phantom(a_phantom, tmp_path / "phantom")[0].read_bytes()

    assert write_phantom(a_phantom, tmp_path / "phantom")[0].read_bytes() == first


def test_a_folder_that_holds_something_is_left_alone(a_phantom: Phantom, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="holds other files"):
        write_phantom(a_phantom, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
