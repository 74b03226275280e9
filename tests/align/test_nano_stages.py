"""What the stages of nano decide about their data."""

from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import functional as F

from anybind.encoders.align import media
from anybind.encoders.align.nano_audio import imagine, labels_by_words


def test_sounds_are_known_by_words_where_pictures_cannot_tell_them() -> None:
    sounds = [("dog", "dog"), ("crow", "bird"), ("chirping birds", "bird"), ("sneezing", ""), ("gong", "gong")]
    tables = SimpleNamespace(
        images=[{"concept": "dog"}, {"concept": "bird"}, {"concept": ""}],
        audio=[{"label": label, "concept": concept} for label, concept in sounds],
    )
    assert labels_by_words(tables) == ["chirping birds", "crow", "gong", "sneezing"]


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
