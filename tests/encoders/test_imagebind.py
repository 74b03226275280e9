import json
from pathlib import Path

import imagebind_weights
import numpy as np
import pytest
import torch
from imagebind_weights import SMALL
from torch import Tensor

from anybind.encoders import imagebind
from anybind.encoders.imagebind import MODALITIES, PUBLISHED, CheckpointError, ImageBindConfig

ROWS = {
    "image": lambda: torch.randn(2, 3, 224, 224),
    "text": lambda: torch.tensor([[49_406, 320, 1929, 49_407], [49_406, 1929, 49_407, 0]]),
    "audio": lambda: torch.randn(2, 1, 128, 204),
    "depth": lambda: torch.randn(2, 1, 224, 224),
    "thermal": lambda: torch.rand(2, 1, 224, 224),
    "imu": lambda: torch.randn(2, 6, 2000),
}


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return imagebind_weights.state_dict()


@pytest.fixture(scope="module")
def reference(shared) -> Path:
    return shared / "reference/imagebind"


@pytest.mark.parametrize("modality", MODALITIES)
@torch.inference_mode()
def test_every_encoder_gives_unit_vectors(weights: dict[str, Tensor], modality: str) -> None:
    torch.manual_seed(0)
    vectors = imagebind.load(weights, SMALL, modality)(ROWS[modality]())
    assert vectors.shape == (2, SMALL.out_embed_dim)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2))
    assert (vectors[0] - vectors[1]).abs().max() > 1e-3


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_state_dict_goes_in_and_comes_out_unchanged(weights: dict[str, Tensor], modality: str) -> None:
    encoder = imagebind.load(weights, SMALL, modality)
    out = {imagebind.published_key(modality, name): value for name, value in encoder.state_dict().items()}
    prefix = f".{PUBLISHED[modality]}."
    given = {key: value for key, value in weights.items() if prefix in key and not key.endswith(".mask")}
    assert out.keys() == given.keys()
    assert all(torch.equal(out[key], given[key]) for key in given)


def test_one_modality_shares_the_memory_of_its_own_keys_alone(weights: dict[str, Tensor]) -> None:
    encoder = imagebind.load(weights, SMALL, "depth")
    ours = {value.data_ptr() for value in encoder.state_dict().values()}
    assert ours == {value.data_ptr() for key, value in weights.items() if ".depth." in key}


def test_one_modality_is_enough(weights: dict[str, Tensor]) -> None:
    audio = {key: value for key, value in weights.items() if ".audio." in key}
    assert imagebind.modalities_in(audio) == ["audio"]
    imagebind.load(audio, SMALL, "audio")
    with pytest.raises(CheckpointError, match=r"hold no image encoder.*They hold: audio"):
        imagebind.load(audio, SMALL, "image")


@torch.inference_mode()
def test_a_film_that_stands_still_is_a_picture(weights: dict[str, Tensor]) -> None:
    encoder = imagebind.load(weights, SMALL, "image")
    picture = torch.randn(1, 3, 224, 224)
    film = picture.unsqueeze(2).repeat(1, 1, 2, 1, 1)
    assert torch.equal(encoder(film), encoder(picture))
    film[:, :, 1] = 0
    assert not torch.allclose(encoder(film), encoder(picture), atol=1e-3)


def test_a_film_of_another_length_is_refused(weights: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match=r"film has 3 frames.*made for 2"):
        imagebind.load(weights, SMALL, "image")(torch.zeros(1, 3, 3, 224, 224))


@torch.inference_mode()
def test_padding_changes_no_sentence(weights: dict[str, Tensor]) -> None:
    encoder = imagebind.load(weights, SMALL, "text")
    short = torch.tensor([[49_406, 320, 1929, 49_407]])
    padded = torch.nn.functional.pad(short, (0, 73))
    assert torch.allclose(encoder(short), encoder(padded), atol=1e-6)


@torch.inference_mode()
def test_attention_is_torchs_with_a_learned_key_and_value() -> None:
    from anybind.encoders.imagebind_trunk import Attention

    theirs = torch.nn.MultiheadAttention(16, 4, add_bias_kv=True, batch_first=True)
    torch.nn.init.normal_(theirs.in_proj_bias)
    ours = Attention(16, 4, bias_kv=True, causal=False)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 7, 16)
    assert torch.allclose(ours(x), theirs(x, x, x, need_weights=False)[0], atol=1e-6)


def test_logit_scales_are_read_and_capped(weights: dict[str, Tensor]) -> None:
    key = "modality_postprocessors.text.1.log_logit_scale"
    scaled = weights | {key: torch.tensor(float(np.log(20.0)))}
    assert imagebind.load(scaled, SMALL, "text").logit_scale == pytest.approx(20)
    assert imagebind.load(weights | {key: torch.tensor(9.0)}, SMALL, "text").logit_scale == 100
    assert imagebind.load(weights, SMALL, "image").logit_scale == 0


def test_half_precision_weights_are_widened(weights: dict[str, Tensor]) -> None:
    half = {key: value.half() for key, value in weights.items()}
    assert {value.dtype for value in imagebind.load(half, SMALL, "imu").state_dict().values()} == {torch.float32}


def test_a_missing_an_extra_and_a_misshaped_weight_are_named(weights: dict[str, Tensor]) -> None:
    key = "modality_trunks.imu.blocks.0.attn.bias_k"
    with pytest.raises(CheckpointError, match=rf"imu: the weights lack {key}"):
        imagebind.load({k: v for k, v in weights.items() if k != key}, SMALL, "imu")
    with pytest.raises(CheckpointError, match=r"imu: this config has no place for modality_trunks\.imu\.surprise"):
        imagebind.load(weights | {"modality_trunks.imu.surprise": torch.zeros(1)}, SMALL, "imu")
    with pytest.raises(CheckpointError, match=rf"imu: {key} has shape \(1, 1, 8\); the config asks for \(1, 1, 16\)"):
        imagebind.load(weights | {key: torch.zeros(1, 1, 8)}, SMALL, "imu")


def test_the_wrong_config_is_told(weights: dict[str, Tensor]) -> None:
    with pytest.raises(CheckpointError, match=r"lack .* more\. Were they made with this config\?"):
        imagebind.load(weights, ImageBindConfig(), "thermal")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "cannot be read"),
        ("[1]", "holds a list"),
        ('{"vision_width": 3}', "vision_width: ImageBind has no such argument"),
        ('{"out_embed_dim": -1}', "out_embed_dim as -1"),
        ('{"out_embed_dim": true}', "out_embed_dim as True"),
        ('{"out_embed_dim": [1, 2, 3]}', "out_embed_dim as"),
        ('{"kernel_size": 14}', "kernel_size as 14"),
        ('{"vision_embed_dim": 30, "vision_num_heads": 4}', "width of 30: its 4 heads cannot share it"),
    ],
)
def test_a_bad_config_is_told(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=complaint):
        ImageBindConfig.read(path)


def test_a_config_leaves_the_rest_as_published(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"kernel_size": [2, 28, 28], "audio_drop_path": 0.1}))
    assert ImageBindConfig.read(path) == ImageBindConfig(kernel_size=(2, 28, 28))
    assert ImageBindConfig().vision_embed_dim == 1280


@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_a_file_that_is_no_state_dict_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=str(path)):
        imagebind.open_checkpoint(path)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"trap": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="not a PyTorch state dict"):
        imagebind.open_checkpoint(tmp_path / "weights.pth")
    assert not (tmp_path / "sprung").exists()


def test_a_whole_training_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.zeros(1)}, "epoch": 3}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="a flat state dict of tensors is expected"):
        imagebind.open_checkpoint(tmp_path / "weights.pth")


@pytest.mark.parametrize("modality", MODALITIES)
@torch.inference_mode()
def test_encoders_give_what_the_published_code_gave(reference: Path, modality: str) -> None:
    state = imagebind.open_checkpoint(reference / "tiny_imagebind.pth")
    encoder = imagebind.load(state, ImageBindConfig.read(reference / "tiny_imagebind.json"), modality)
    name = PUBLISHED[modality]
    with np.load(reference / "ib_inputs.npz") as inputs, np.load(reference / "tiny_imagebind_io.npz") as io:
        given = torch.from_numpy(inputs[name] if name in inputs else io[f"in_{name}"])
        expected = torch.nn.functional.normalize(torch.from_numpy(io[f"out_{name}"]))
    clips = given.shape[1] if modality == "audio" else 1
    vectors = encoder(given.flatten(0, 1) if clips > 1 else given).unflatten(0, (-1, clips)).mean(dim=1)
    vectors = torch.nn.functional.normalize(vectors)
    assert (vectors * expected).sum(dim=1).min() >= 0.99999
    assert (vectors - expected).abs().max() <= 1e-5
