"""Configurations of MONAI as data: references to whole sections and single steps."""

import pytest

from atlastumor.errors import InputError
from atlastumor.models.importing.monai_config import Config
from atlastumor.models.importing.monai_transforms import read_postprocessing, read_preprocessing
from Backend.models.importing.bundle_mocks import CONFIG, change

STEPS = CONFIG["preprocessing"]["transforms"]


def test_whole_sections_and_single_steps_may_be_references():
    plain = Config(CONFIG, "inference.json")
    referring = Config(
        {
            **CONFIG,
            "turned": STEPS[2],
            "steps": [*STEPS[:2], "@turned", *STEPS[3:]],
            "preprocessing": {"_target_": "Compose", "transforms": "@steps"},
            "after": CONFIG["postprocessing"],
            "postprocessing": "@after",
            "windows": CONFIG["inferer"],
            "inferer": "@windows",
        },
        "inference.json",
    )

    assert read_preprocessing(referring) == read_preprocessing(plain)
    assert read_postprocessing(referring) == read_postprocessing(plain)
    assert referring.table("inferer", {"roi_size"}) == plain.table("inferer", {"roi_size"})


@pytest.mark.parametrize(
    ("value", "said"), [("$@a + @b", "is a program"), ("@preprocessing", "refers to itself")]
)
def test_a_section_that_is_no_plain_reference_is_refused(value, said):
    config = Config(change(["preprocessing"], value), "inference.json")

    with pytest.raises(InputError, match=said):
        read_preprocessing(config)
