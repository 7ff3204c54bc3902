import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.errors import OutputError
from atlastumor.phantom import Phantom, PhantomOptions, make_phantom, write_phantom


@pytest.fixture(scope="module")
def a_phantom() -> Phantom:
    return make_phantom(
        3, options=PhantomOptions(field_of_view="upper abdomen", slice_mm=5.0, in_plane_mm=5.0)
    )


def test_what_is_written_is_read_back(a_phantom: Phantom, tmp_path: Path) -> None:
    scan, truth, told = write_phantom(a_phantom, tmp_path / "new" / "phantom")

    for path, array in ((scan, a_phantom.scan.array), (truth, a_phantom.labels.array)):
        image = nibabel.load(path)
        assert image.get_data_dtype() == array.dtype
        assert (np.asarray(image.dataobj) == array).all()
        assert (image.affine == a_phantom.scan.grid.affine).all()
    assert json.loads(told.read_text()) == a_phantom.description


def test_nothing_but_the_folder_is_left_beside(a_phantom: Phantom, tmp_path: Path) -> None:
    write_phantom(a_phantom, tmp_path / "phantom")

    assert [path.name for path in tmp_path.iterdir()] == ["phantom"]


def test_a_folder_that_holds_something_is_left_alone(a_phantom: Phantom, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="not an empty folder"):
        write_phantom(a_phantom, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
