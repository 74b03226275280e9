"""What the stages of nano decide about their data."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from anybind.encoders import nano
from anybind.encoders.align import augment, media, nano_audio, nano_depth, nano_image
from anybind.encoders.align.nano_audio import imagine, labels_by_words, settle
from anybind.encoders.align.nano_depth import DepthTask


def test_sounds_are_known_by_words_where_pictures_cannot_tell_them() -> None:
    sounds = [
        ("dog", "dog"),
        ("crow", "bird"),
        ("bird", "bird"),
        ("sneezing", ""),
        ("gong", "gong"),
        ("trombone", "brass horn"),
    ]
    tables = SimpleNamespace(
        images=[{"concept": concept} for concept in ("dog", "bird", "brass horn", "")],
        audio=[{"label": label, "concept": concept} for label, concept in sounds],
    )
    assert labels_by_words(tables) == ["bird", "crow", "gong", "sneezing", "trombone"]


def test_words_without_pictures_are_placed_where_their_pictures_would_be() -> None:
    rng = torch.Generator().manual_seed(0)
    words = F.normalize(torch.randn(300, 64, generator=rng), dim=1)
    turn = torch.linalg.qr(torch.randn(64, 64, generator=rng))[0]
    pictures = F.normalize(0.6 * words + words @ turn + 0.03 * torch.randn(300, 64, generator=rng), dim=1)
    places = imagine(words[250:], words[:250], pictures[:250], ridge=0.1)
    torch.testing.assert_close(places.norm(dim=1), torch.ones(50))
    assert (places @ pictures[250:].T).argmax(1).tolist() == list(range(50))
    assert (places * pictures[250:]).sum(1).mean() > (words * pictures).sum(1).mean() + 0.2
    # As far from their words as pictures are, so that neither comes first in a list of both.
    torch.testing.assert_close(
        (places * words[250:]).sum(1).mean(), (words * pictures).sum(1).mean(), atol=0.03, rtol=0
    )


def test_settling_draws_sounds_to_where_their_pictures_or_imagined_pictures_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nano_audio, "SETTLE_STEPS", 60)
    torch.manual_seed(0)
    encoder = nano.AudioEncoder().eval().requires_grad_(False)
    aims = torch.linalg.qr(torch.randn(256, 4))[0].T
    bands = np.random.default_rng(0).gamma(1.0, size=(4, 64)).astype(np.float32)
    task = SimpleNamespace(
        mels=np.repeat(np.repeat(bands, 2, axis=0)[None, :, None], 3, axis=0).repeat(32, axis=2),  # 3 paces, 8 clips
        rows=np.arange(8),
        owners=np.repeat(np.arange(4), 2),
        names=["dog", "sea"],
        concepts=np.array([0, 1, 1, -1]),  # the last two sounds are known by words, one of them by pictures too
        label_names=["sneezing", "snoring"],
        worded=lambda owners: np.array([-1, -1, 0, 1])[owners],
        means=aims[:2],
        places=aims[2:],
        weights=torch.ones(8),
    )

    places = torch.stack([aims[0], aims[1], F.normalize(aims[1] + aims[2], dim=0), aims[3]])

    def cosines() -> torch.Tensor:
        with torch.inference_mode():
            mel = nano.log(torch.from_numpy(task.mels[0, ::2]))
            return (encoder.head(encoder.features(mel)) * places).sum(1)

    assert cosines().max() < 0.5
    settle(encoder, task)
    assert cosines().min() > 0.8
    assert not encoder.head.training
    assert not any(weight.requires_grad for weight in encoder.parameters())


def test_a_maps_place_costs_only_where_it_is_wrong() -> None:
    axes = torch.eye(256)
    maps = F.normalize(torch.stack([axes[0] + axes[2], axes[0] + axes[3], axes[1] + axes[4]]), dim=1)
    encoder = SimpleNamespace(features=lambda rows: rows, head=lambda rows: rows)
    task = SimpleNamespace(model=SimpleNamespace(encoder=encoder, scale=lambda: 100.0), means=axes[:2])

    def loss(*places: int) -> float:
        return DepthTask.loss(task, nano_depth.Batch(maps, maps, torch.tensor(places))).item()

    assert loss(0, 0, 1) < 1e-6  # maps of one place may differ as their pictures do
    # One of three stands at the other place: its cosine there is 0, at its own 1 / sqrt(2).
    np.testing.assert_allclose(loss(0, 1, 1), nano_depth.PLACE_WEIGHT * 100 / 2**0.5 / 3, rtol=1e-5)


def test_pictures_of_a_concept_few_show_are_rare_and_those_of_none_are_not() -> None:
    concepts = np.array(["dog"] * nano_image.RARE + [""] * 3 + ["mandolin"] * (nano_image.RARE - 1))
    assert (nano_image.is_rare(concepts) == (concepts == "mandolin")).all()


def test_a_patched_picture_says_how_much_of_it_is_its_own() -> None:
    shades = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 3, 20, 20)
    partner = torch.tensor([1, 2, 3, 4, 5, 5])
    patched, share = augment.patch(shades, partner, torch.Generator().manual_seed(0))
    own = (patched == shades).float().mean((1, 2, 3))
    torch.testing.assert_close(share, own)
    assert share[5] == 1
    assert 0 < share[:5].min() < 1
    assert ((patched == shades) | (patched == shades[partner])).all()


def test_a_worn_picture_has_lost_fine_colour_and_kept_its_brightness() -> None:
    colours = np.array([[255, 0, 0], [0, 130, 0]], np.uint8)  # about equally bright
    fine = colours[np.indices((72, 96)).sum(0) // 2 % 2]
    worn = media.wear(fine, 0)
    assert worn.shape == fine.shape
    assert worn.dtype == np.uint8
    assert worn.std(axis=(0, 1)).max() < fine.std(axis=(0, 1)).max() / 4
    np.testing.assert_allclose(worn.mean(), fine.mean(), atol=12)
    assert (media.wear(fine, 0) == worn).all()
    assert any((media.wear(fine, seed) != worn).any() for seed in range(1, 4))
