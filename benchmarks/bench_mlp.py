"""Training of networks against PyTorch on one thread, against bare matrix products, and replicas against single runs.

PyTorch rows need the package torch; without it they are left out. Every ratio is a median over interleaved pairs of
one run, and both programs first have to agree on the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import Row, ratio
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.optimizers import rsgd, sgd
from gmm_flatness.mlp.training import train

# Layers, batch, and the least ratio in float32 and float64.
AGAINST_TORCH = (((40, 100, 100, 10), 32, 5.0, 4.0), ((40, 100, 100, 10), 128, 3.0, 2.0),
                 ((64, 256, 256, 10), 64, 1.5, 1.2))
MOST_OF_THREE_RUNS = 1.1
MOST_OF_GEMM = 1.5
RATE, EPOCHS = 0.05, 2


def problem(sizes: tuple[int, ...], samples: int, dtype: str) -> tuple[Network, Batch, np.ndarray]:
    """Random data and a random start."""
    rng = np.random.default_rng(0)
    network = Network(sizes, dtype=dtype)
    batch = network.batch(rng.standard_normal((samples, sizes[0])), rng.integers(0, sizes[-1], samples))
    return network, batch, network.initial(rng)


def ours(network: Network, batch: Batch, start: np.ndarray, size: int, replicas: int = 1) -> Callable[[], float]:
    """Some epochs from the start; returns the last one's mean loss."""
    optimizer = rsgd(sgd(), replicas=replicas)

    def run() -> float:
        done = train(network, batch, optimizer, epochs=EPOCHS, batch_size=size, rate=RATE,
                     coupling_step=0.01, start=start, rng=np.random.default_rng(1))
        return float(done.losses[-1])

    return run


def theirs(network: Network, batch: Batch, start: np.ndarray, size: int) -> Callable[[], float]:
    """The same epochs, batches and start in PyTorch, eager, with the fused optimizer."""
    import torch

    torch.set_num_threads(1)
    inputs, labels = torch.from_numpy(batch.inputs), torch.from_numpy(batch.targets.argmax(axis=1))
    measure = torch.nn.CrossEntropyLoss()

    def model() -> torch.nn.Module:
        layers: list[torch.nn.Module] = []
        for weights, biases in network.layers(start):
            layer = torch.nn.Linear(*weights.shape, dtype=inputs.dtype)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weights.T))
                layer.bias.copy_(torch.from_numpy(biases))
            layers += [layer, torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    def run() -> float:
        net, stream = model(), np.random.default_rng(1).spawn(1)[0]
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9, nesterov=True, fused=True)
        for _ in range(EPOCHS):
            losses = []
            for rows in torch.from_numpy(stream.permutation(len(inputs))).split(size):
                optimizer.zero_grad(set_to_none=True)
                loss = measure(net(inputs[rows]), labels[rows])
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    return run


def products(sizes: tuple[int, ...], size: int, steps: int, dtype: str) -> Callable[[], None]:
    """The matrix products of `steps` steps and nothing else."""
    rng = np.random.default_rng(0)
    layers = []
    for below, width in pairwise(sizes):
        shapes = ((size, below), (below, width), (size, width))
        arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
        layers.append((*arrays, *(np.empty_like(array) for array in arrays)))

    def run() -> None:
        for _ in range(steps):
            for index, (inputs, weights, units, input_slope, weight_slope, outputs) in enumerate(layers):
                np.dot(inputs, weights, out=outputs)
                np.dot(inputs.T, units, out=weight_slope)
                if index:
                    np.dot(units, weights.T, out=input_slope)

    return run


def against_torch(sizes: tuple[int, ...], size: int, dtype: str) -> float:
    network, batch, start = problem(sizes, 4096, dtype)
    mine, rival = ours(network, batch, start, size), theirs(network, batch, start, size)
    assert abs(mine() - rival()) < 1e-3
    return ratio(rival, mine)


def against_gemm(sizes: tuple[int, ...] = (784, 400, 400, 10), size: int = 128) -> float:
    network, batch, start = problem(sizes, 2048, "float32")
    return ratio(ours(network, batch, start, size), products(sizes, size, EPOCHS * 2048 // size, "float32"))


def replicas_against_runs(sizes: tuple[int, ...] = (40, 100, 100, 10), size: int = 32) -> float:
    network, batch, start = problem(sizes, 4096, "float32")
    return ratio(ours(network, batch, start, size, 3), ours(network, batch, start, size)) / 3.0


def rows() -> Iterator[Row]:
    """PyTorch where it is installed, replicas, bare products."""
    with threadpool_limits(limits=1):
        for sizes, size, *bounds in AGAINST_TORCH if find_spec("torch") else ():
            for dtype, least in zip(("float32", "float64"), bounds, strict=True):
                name = f"PyTorch / ours, {'-'.join(map(str, sizes))}, batch {size}, {dtype}"
                yield Row(name, against_torch(sizes, size, dtype), least=least)
        yield Row("three replicas / three runs", replicas_against_runs(), most=MOST_OF_THREE_RUNS)
        yield Row("training / bare products, 784-400-400-10, batch 128", against_gemm(), most=MOST_OF_GEMM)
