"""DiNTS: MONAI's own network, made of the codes that a search left."""

import json

import numpy as np
import pytest
import torch

from atlastumor.errors import CardError, WeightsError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network, find_multiple
from atlastumor.networks.dints import read_search_code
from Backend.models.card_examples import small_args


def monais(args, n_outputs, node_a):
    from monai.networks.nets import DiNTS, TopologyInstance

    codes = [np.array(args["arch_code_a"]), np.array(args["arch_code_c"])]
    torch.manual_seed(1)
    space = TopologyInstance(
        arch_code=codes,
        channel_mul=args["init_filters"] / 32,
        num_blocks=len(codes[0]),
        num_depths=len(node_a[0]),
    )
    return DiNTS(space, in_channels=1, num_classes=n_outputs, node_a=torch.tensor(node_a)).eval()


def a_search():
    """What MONAI's search decodes to before it has learned anything, as its script saves it."""
    from monai.networks.nets import TopologySearch

    torch.manual_seed(2)
    space = TopologySearch(channel_mul=0.25, num_blocks=3, num_depths=3)
    node_a, arch_code_a, arch_code_c, best = space.decode()
    return {
        "node_a": node_a,
        "arch_code_a": arch_code_a,
        "arch_code_a_max": best,
        "arch_code_c": arch_code_c,
        "iter_num": 7,
        "best_dsc": 0.5,
    }


def test_a_searched_network_is_monais_own():
    code = a_search()
    args = {**read_search_code(code), "init_filters": 8}
    reference = monais(args, 3, code["node_a"].tolist())
    network = build_network("dints", 3, json.loads(json.dumps(args)))
    x = torch.randn(1, 1, *(2 * m for m in find_multiple("dints", args)))

    named = {f"module.{name}": tensor for name, tensor in reference.state_dict().items()}
    fit_weights(network, adapt_tensors("dints", named, args))

    with torch.inference_mode():
        assert torch.equal(network(x), reference(x))


def test_a_published_size_has_monais_names():
    paths = [[1, 0, 1, 0, 0, 1, 0, 0, 1, 0], *[[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]] * 11]
    paths[0] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    args = {"arch_code_a": paths, "arch_code_c": [[1] * 10] * 12}
    with torch.device("meta"):
        ours = build_network("dints", 3, args).state_dict()
        theirs = monais({**args, "init_filters": 32}, 3, [[1] * 4] * 13).state_dict()

    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}
    assert "cell_tree.(11, 9).op.ops.0.conv.weight" in {
        name.removeprefix("dints_space.") for name in ours
    }
    assert find_multiple("dints", args) == (16, 16, 16)


def test_building_says_nothing(capsys):
    build_network("dints", 2, small_args("dints"))

    assert capsys.readouterr().out == ""


def test_a_file_of_another_search_is_refused_by_name():
    args = small_args("dints")
    other = {**args, "arch_code_c": [[1, 0, 1, 0], [0, 1, 0, 1]]}
    state = build_network("dints", 2, other).state_dict()

    with pytest.raises(WeightsError, match=r"cell_tree\.\(0, 2\)"):
        fit_weights(build_network("dints", 2, args), adapt_tensors("dints", state, args))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arch_code_a": None}, "arch_code_a must be a list of 1 to 64 rows, not None"),
        ({"arch_code_a": []}, "arch_code_a must be a list of 1 to 64 rows"),
        ({"arch_code_a": [[1, 0, 1, 0], [0, 1]]}, r"arch_code_a\[1\] must be a list of 4"),
        ({"arch_code_a": [[1, 0, 2, 0], [0, 1, 0, 1]]}, r"arch_code_a\[0\]\[2\] must be"),
        ({"arch_code_c": [[9, 0, 1, 0], [0, 1, 0, 1]]}, r"arch_code_c\[0\]\[0\] must be"),
        ({"arch_code_c": [[1, 1, 1, 1]]}, r"not \(2, 4\) and \(1, 4\) rows and columns"),
        ({"arch_code_a": [[1] * 5] * 2}, "4, 7, 10, 13 or 16 columns"),
        ({"arch_code_a": [[0, 0, 0, 0], [0, 1, 0, 1]]}, r"arch_code_a\[0\] has no path"),
        ({"arch_code_a": [[1, 0, 0, 0], [0, 1, 0, 1]]}, r"arch_code_a\[1\] has no path, or one"),
        ({"init_filters": 0}, "init_filters must be a whole number"),
        ({"use_downsample": 1}, "use_downsample must be true or false"),
        ({"cell": "os.system"}, "cell is not known"),
    ],
)
def test_codes_that_make_no_network_are_refused(changes, said):
    with pytest.raises(CardError, match=said):
        build_network("dints", 2, {**small_args("dints"), **changes})


def test_a_search_code_that_is_not_whole_is_refused():
    code = a_search()

    with pytest.raises(CardError, match="lacks node_a; it has"):
        read_search_code({key: value for key, value in code.items() if key != "node_a"})
    with pytest.raises(CardError, match="node_a is not what its arch_code_a makes"):
        read_search_code({**code, "node_a": 1 - code["node_a"]})
    with pytest.raises(CardError, match="arch_code_c must be a table of whole"):
        read_search_code({**code, "arch_code_c": code["arch_code_c"] + 0.5})
