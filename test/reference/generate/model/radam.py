"""Reference numbers of RAdam: torch.optim.RAdam in float64.

    python3 radam.py            writes ../../model/radam.json

Weight decay is decoupled and scaled by the rate, applied by hand before torch's step (torch 1.13 adds it to the gradient).
"""
import json
import os

import torch

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "model", "radam.json")
STEPS, SIZE = 14, 5


def run(beta1, beta2, eps, lr, weight_decay, seed):
    g = torch.Generator().manual_seed(seed)
    start = torch.randn(SIZE, generator=g, dtype=torch.float64).float().double()
    gradients = (torch.randn(STEPS, SIZE, generator=g, dtype=torch.float64) * torch.tensor([3, 1e-1, 1e-3, 1, 20])).float().double()
    parameter = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.RAdam([parameter], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=0)
    values = []
    for gradient in gradients:
        with torch.no_grad():
            parameter.mul_(1 - lr * weight_decay)
        parameter.grad = gradient.clone()
        optimizer.step()
        values.append(parameter.tolist())
    return {"beta1": beta1, "beta2": beta2, "eps": eps, "lr": lr, "weightDecay": weight_decay, "start": start.tolist(),
            "gradients": gradients.tolist(), "values": values}


if __name__ == "__main__":
    with open(OUT, "w") as f:
        json.dump([run(0.9, 0.98, 1e-8, 0.05, 0, 1), run(0.9, 0.999, 1e-8, 0.01, 0.1, 2), run(0.5, 0.6, 1e-3, 0.1, 0, 3)], f, indent=1)
        f.write("\n")
