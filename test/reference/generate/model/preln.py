"""Reference numbers of the pre-LN model: PyTorch's own layers with norm_first, in float64.

    python3 preln.py            writes ../../model/pre-ln

The layers are torch.nn.TransformerEncoderLayer and TransformerDecoderLayer, with a LayerNorm after each stack; embeddings, positions, batches
and the loss are those of refmodel.py (fairseq's conventions). Parameters are float32 numbers, everything computed from them is float64.
"""
import json
import math
import os
import random

import torch
from torch import nn

import refmodel as R

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "model", "pre-ln")
CFG = {
    "vocab": 17, "d_model": 8, "ffn": 12, "heads": 2, "enc_layers": 2, "dec_layers": 2, "sharing": "tied",
    "residual": "pre-ln", "ln_eps": 1e-5, "label_smoothing": 0.1,
}


class PreLn(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        sizes = dict(d_model=cfg["d_model"], nhead=cfg["heads"], dim_feedforward=cfg["ffn"], dropout=0.0, activation="relu",
                     layer_norm_eps=cfg["ln_eps"], batch_first=True, norm_first=True)
        self.table = nn.Parameter(torch.empty(cfg["vocab"], cfg["d_model"]))
        self.encoder = nn.ModuleList(nn.TransformerEncoderLayer(**sizes) for _ in range(cfg["enc_layers"]))
        self.encoder_norm = nn.LayerNorm(cfg["d_model"], cfg["ln_eps"])
        self.decoder = nn.ModuleList(nn.TransformerDecoderLayer(**sizes) for _ in range(cfg["dec_layers"]))
        self.decoder_norm = nn.LayerNorm(cfg["d_model"], cfg["ln_eps"])
        self.double()

    def embed(self, ids):
        positions = R.position_table(ids.shape[1] + 2, self.table.shape[1], torch.float64)[R.positions(ids)]
        return self.table[ids] * math.sqrt(self.table.shape[1]) + positions

    def forward(self, batch):
        src, prev = batch["src_tokens"], batch["prev_output_tokens"]
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=src.eq(R.PAD))
        encoded = self.encoder_norm(x)
        causal = torch.ones(prev.shape[1], prev.shape[1], dtype=torch.bool).triu(1)
        y = self.embed(prev)
        for layer in self.decoder:
            y = layer(y, encoded, tgt_mask=causal, tgt_key_padding_mask=prev.eq(R.PAD),
                      memory_key_padding_mask=src.eq(R.PAD))
        return encoded, self.decoder_norm(y) @ self.table.t()

    def named(self, values):
        """Values of torch's parameters (or their gradients) by fairseq's names, in fairseq's order."""
        found = {}

        def attention(name, module):
            d = module.embed_dim
            weight, bias = values(module.in_proj_weight), values(module.in_proj_bias)
            for part, at in (("k_proj", 1), ("v_proj", 2), ("q_proj", 0)):
                found[f"{name}.{part}.weight"] = weight[at * d:(at + 1) * d]
                found[f"{name}.{part}.bias"] = bias[at * d:(at + 1) * d]
            plain(f"{name}.out_proj", module.out_proj)

        def plain(name, module):
            found[f"{name}.weight"] = values(module.weight)
            found[f"{name}.bias"] = values(module.bias)

        def feed_forward(name, layer, norm):
            plain(f"{name}.fc1", layer.linear1)
            plain(f"{name}.fc2", layer.linear2)
            plain(f"{name}.final_layer_norm", norm)

        found["encoder.embed_tokens.weight"] = values(self.table)
        for i, layer in enumerate(self.encoder):
            name = f"encoder.layers.{i}"
            attention(f"{name}.self_attn", layer.self_attn)
            plain(f"{name}.self_attn_layer_norm", layer.norm1)
            feed_forward(name, layer, layer.norm2)
        plain("encoder.layer_norm", self.encoder_norm)
        for i, layer in enumerate(self.decoder):
            name = f"decoder.layers.{i}"
            attention(f"{name}.self_attn", layer.self_attn)
            plain(f"{name}.self_attn_layer_norm", layer.norm1)
            attention(f"{name}.encoder_attn", layer.multihead_attn)
            plain(f"{name}.encoder_attn_layer_norm", layer.norm2)
            feed_forward(name, layer, layer.norm3)
        plain("decoder.layer_norm", self.decoder_norm)
        return found


def write(name, value):
    with open(os.path.join(OUT, name), "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def main():
    os.makedirs(OUT, exist_ok=True)
    torch.manual_seed(11)
    model = PreLn(CFG)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            drawn = (centre + 0.4 * torch.randn(parameter.shape)).float()  # float32 numbers, layer norms and biases included
            parameter.copy_(drawn.double())
    rng = random.Random(5)
    pairs = [([rng.randint(4, CFG["vocab"] - 1) for _ in range(s)] + [R.EOS],
              [rng.randint(4, CFG["vocab"] - 1) for _ in range(t)] + [R.EOS]) for s, t in ((5, 3), (2, 6), (7, 4), (0, 1))]
    batch = R.collate(pairs)
    encoded, logits = model(batch)
    loss_sum, nll_sum, tokens = R.loss_sums(logits, batch["target"], CFG["label_smoothing"])
    (loss_sum / tokens).backward()
    gradients = model.named(lambda parameter: parameter.grad)
    weights = model.named(lambda parameter: parameter.detach().float())
    write("config.json", {**CFG, "parameters": {name: list(value.shape) for name, value in weights.items()}})
    write("batch.json", {"pairs": [{"src": src, "tgt": trg} for src, trg in pairs]})
    write("expected.json", {
        "loss": (loss_sum / tokens).item(), "nll": (nll_sum / tokens).item(), "loss_sum": loss_sum.item(), "nll_sum": nll_sum.item(),
        "grad": {name: {"l1": g.abs().sum().item(), "l2": g.norm().item()} for name, g in gradients.items()},
    })
    R.st_write(os.path.join(OUT, "weights.safetensors"), weights)
    R.st_write(os.path.join(OUT, "grads.safetensors"), gradients)
    R.st_write(os.path.join(OUT, "activations.safetensors"), {"encoder_out": encoded.reshape(-1, CFG["d_model"]),
                                                              "logits": logits.reshape(-1, CFG["vocab"])})


if __name__ == "__main__":
    main()
