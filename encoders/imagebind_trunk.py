"""One transformer encoder, sized six ways: tokens in, unit vector out.

Girdhar et al. 2023, "ImageBind: One Embedding Space To Bind Them All", section 3 and appendix B.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TRUNK_EPS = 1e-6
MAX_LOGIT_SCALE = 100.0


class Attention(nn.Module):
    """Multi-head self-attention. With `bias_kv`, every query may also attend to one learned key and value."""

    def __init__(self, width: int, heads: int, *, bias_kv: bool, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.bias_k = nn.Parameter(torch.empty(1, 1, width)) if bias_kv else None
        self.bias_v = nn.Parameter(torch.empty(1, 1, width)) if bias_kv else None
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)  # (B, N, D) each
        if self.bias_k is not None:
            key = torch.cat([key, self.bias_k.expand(x.shape[0], -1, -1)], dim=1)  # (B, N+1, D)
            value = torch.cat([value, self.bias_v.expand(x.shape[0], -1, -1)], dim=1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)  # (B, heads, N, D/heads)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Each token by itself: four times wider, exact GELU, and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then feed-forward, each on a normalised copy and added back."""

    def __init__(self, width: int, heads: int, *, bias_kv: bool, causal: bool) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width, eps=TRUNK_EPS)
        self.attn = Attention(width, heads, bias_kv=bias_kv, causal=causal)
        self.norm_2 = nn.LayerNorm(width, eps=TRUNK_EPS)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class Encoder(nn.Module):
    """One modality of ImageBind: normalised input -> unit vector, float32 (B, out).

    Text is read causally and answers from its end mark, which has the highest of all ids. Everything else has
    a learned first token and answers from that.

    Args:
      stem: input -> tokens (B, N, width).
      positions: tokens there is room for, the first token included.
      norm_first: a layer norm before the blocks (vision has one).
      bias_kv: a learned key and value in every attention (all have them but vision and text).
      scaled: the published model multiplies its unit vector by a scale. Here it is kept, and not applied.
    """

    def __init__(
        self,
        stem: nn.Module,
        *,
        positions: int,
        width: int,
        blocks: int,
        heads: int,
        out: int,
        causal: bool = False,
        norm_first: bool = False,
        bias_kv: bool = True,
        scaled: bool = True,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.stem = stem
        self.first_token = None if causal else nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, positions, width))
        self.norm_first = nn.LayerNorm(width, eps=TRUNK_EPS) if norm_first else nn.Identity()
        self.blocks = nn.Sequential(*(Block(width, heads, bias_kv=bias_kv, causal=causal) for _ in range(blocks)))
        self.head_norm = nn.LayerNorm(width, eps=TRUNK_EPS)
        self.head = nn.Linear(width, out, bias=False)
        self.register_buffer("log_logit_scale", torch.zeros(()) if scaled else None)

    @property
    def logit_scale(self) -> float:
        """What the published model multiplies the unit vector by; 0 where it does not."""
        return 0.0 if self.log_logit_scale is None else min(self.log_logit_scale.exp().item(), MAX_LOGIT_SCALE)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.stem(x)  # (B, N, D)
        if self.first_token is not None:
            tokens = torch.cat([self.first_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)  # (B, 1+N, D)
        tokens = self.blocks(self.norm_first(tokens + self.positions[:, : tokens.shape[1]]))
        chosen = self._at_end_mark(tokens, x) if self.causal else tokens[:, 0]  # (B, D)
        return unit(self.head(self.head_norm(chosen)))

    def _at_end_mark(self, tokens: Tensor, ids: Tensor) -> Tensor:
        end = ids.argmax(dim=1)[:, None, None].expand(-1, 1, tokens.shape[2])
        return tokens.gather(1, end).squeeze(1)


def unit(x: Tensor) -> Tensor:
    """Rows scaled to norm 1: (B, D) -> (B, D)."""
    return x / x.norm(dim=-1, keepdim=True)
