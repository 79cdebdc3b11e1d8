"""Many threads trace one shared model at the same time, and each gets the records of its own pass."""

import sys
import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from attnviz.layers import AAConv2d, Cbam, SqueezeExcitation
from attnviz.records import ChannelWeights, SelfAttention, SpatialMask, Trace
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of, state_of, vary

THREADS = 8
PASSES = 200
SIZES_HW = ((3, 4), (4, 3), (2, 5))


class Mixed(nn.Module):
    """Squeeze-and-excitation, CBAM, an attention-augmented convolution, and torch's attention with a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.se = SqueezeExcitation(8, reduction=2)
        self.cbam = Cbam(8, reduction=2, kernel_size=3)
        self.aa = AAConv2d(8, 8, key_channels=4, value_channels=4, heads=2, grid_hw=(3, 4))
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 5)

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw

    def forward(self, x: Tensor) -> Tensor:
        # tanh keeps the attention behind large random weights from settling on single keys.
        x = self.aa(self.cbam(self.se(self.stem(x)))).tanh()
        tokens = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1)
        return self.fc(self.attn(tokens, tokens, tokens, need_weights=False)[0][:, 0])


@pytest.fixture(autouse=True)
def hurried_threads() -> Iterator[None]:
    """Threads change places after 100 microseconds, so in the middle of everything, each computing on one core."""
    interval, threads = sys.getswitchinterval(), torch.get_num_threads()
    sys.setswitchinterval(1e-4)
    torch.set_num_threads(1)
    yield
    sys.setswitchinterval(interval)
    torch.set_num_threads(threads)


def numbers(result: Trace) -> bytes:
    """Every bit of a trace's logits and records, with the name of each layer."""
    held = [b"logits", result.logits.numpy().tobytes()]
    for record in result.records:
        match record:
            case ChannelWeights():
                tensors = [record.weights, record.features]
            case SpatialMask():
                tensors = [record.mask, record.features]
            case SelfAttention():
                tensors = [record.queries, record.keys, record.weights()]
        held.append(f"{record.site} {[tuple(tensor.shape) for tensor in tensors]}".encode())
        held += [tensor.contiguous().numpy().tobytes() for tensor in tensors]
    return b" ".join(held)


def test_every_record_is_that_of_a_single_thread() -> None:
    model = vary(Mixed()).eval()
    inputs = [torch.randn(1, 3, *SIZES_HW[number % len(SIZES_HW)]) for number in range(PASSES)]
    alone = [trace(model, x) for x in inputs]
    # SE, two of CBAM, the attention-augmented convolution, the attention.
    assert {len(result.records) for result in alone} == {5}
    expected = [numbers(result) for result in alone]
    assert len(set(expected)) == PASSES, "a record of another pass would go unnoticed"
    before = state_of(model)

    start = threading.Barrier(THREADS)
    wrong: list[str] = []
    done = [0] * THREADS

    def work(thread: int) -> None:
        try:
            start.wait(timeout=60)
            for step in range(PASSES):
                # Each thread is at another input at any time.
                at = (step + thread * PASSES // THREADS) % PASSES
                if numbers(trace(model, inputs[at])) != expected[at]:
                    wrong.append(f"thread {thread}, input {at}")
                done[thread] += 1
        except Exception as error:  # a thread's error would be lost
            wrong.append(f"thread {thread}: {error!r}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert done == [PASSES] * THREADS
    assert hooks_of(model) == 0
    assert state_of(model) == before
