"""Where training starts: at random, or from a network that was trained before."""

from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn

from train.encoder import take_published
from train.export import SHARPENED
from train.network import Network

_PUBLISHED_SUFFIX = ".pth"
_FILTER_NORM = 1.0
"""Of each filter that is taken up again: the scale of what is then normalised is free."""

_Layer = tuple[nn.Conv2d, nn.BatchNorm2d | None]


def begin(source: Path | None, pictures: Tensor) -> Network:
    """The network of `source`: a file of `export`, or the published encoder with the rest drawn at random.

    Without one all of it is drawn at random. ValueError: the file holds no such network.
    """
    network = Network()
    if source is None:
        return network
    if source.suffix == _PUBLISHED_SUFFIX:
        take_published(network.encoder, source)
    else:
        try:
            _take_up(network, onnx.load(source), pictures)
        except DecodeError as error:
            raise ValueError(f"{source} is not an ONNX file") from error
        except _OtherLayersError as error:
            raise ValueError(f"{source} has other layers than this network: {error}") from error
    return network


class _OtherLayersError(Exception):
    pass


def _take_up(network: Network, exported: ModelProto, pictures: Tensor) -> None:
    """Gives the network the weights of an exported one, in which normalisations are folded away.

    Each normalisation is given the statistics of `pictures` and undoes them again: the network answers as
    the exported one does before it is sharpened, and training goes on from there. The coarse heads, which
    were not exported, start at nothing, so that they disturb nothing.
    """
    folded, layers = _convolutions(exported), _as_they_run(network, pictures)
    if len(folded) != len(layers):
        raise _OtherLayersError(f"{len(folded)} convolutions instead of {len(layers)}")
    hooks = []
    for (weight, bias), (convolution, norm) in zip(folded, layers, strict=True):
        if weight.shape != convolution.weight.shape:
            raise _OtherLayersError(f"{tuple(weight.shape)} instead of {tuple(convolution.weight.shape)}")
        with torch.no_grad():
            if norm is None:
                convolution.weight.copy_(weight)
                convolution.bias.copy_(bias)
                continue
            scale = _FILTER_NORM / weight.flatten(1).norm(dim=1).clamp(min=1e-6)
            convolution.weight.copy_(weight * scale.view(-1, 1, 1, 1))
        hooks.append(convolution.register_forward_hook(_calibration(norm, scale, bias)))
    _run(network, pictures, hooks)
    sharpness = next((float(each.value) for each in exported.metadata_props if each.key == SHARPENED), 1.0)
    with torch.no_grad():
        for part in network.head.parameters():
            part.div_(sharpness)
    for head in network.coarse_heads:
        nn.init.zeros_(head.weight)


def _calibration(norm: nn.BatchNorm2d, scale: Tensor, bias: Tensor) -> Callable[..., None]:
    def calibrate(_layer: nn.Module, _pictures: object, answer: Tensor) -> None:
        variance, mean = torch.var_mean(answer, (0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt() / scale)
        norm.bias.copy_(mean / scale + bias)

    return calibrate


def _convolutions(exported: ModelProto) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases in the order in which they run."""
    stored = {each.name: numpy_helper.to_array(each) for each in exported.graph.initializer}
    for node in exported.graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:  # from fp16
            stored[node.output[0]] = stored[node.input[0]]
    convolutions = [node.input for node in exported.graph.node if node.op_type == "Conv"]
    if any(name not in stored for names in convolutions for name in names[1:]):
        raise _OtherLayersError("weights that are computed")
    return [
        (torch.tensor(stored[weight]).float(), torch.tensor(stored[bias]).float())
        for _, weight, bias in convolutions
    ]


def _as_they_run(network: Network, pictures: Tensor) -> list[_Layer]:
    """The convolutions, each with the normalisation behind it."""
    behind = {
        first: second
        for block in network.modules()
        if isinstance(block, nn.Sequential)
        for first, second in zip(block, list(block)[1:], strict=False)
        if isinstance(second, nn.BatchNorm2d)
    }
    ran: list[nn.Conv2d] = []
    hooks = [
        module.register_forward_hook(lambda layer, _pictures, _answer: ran.append(layer))
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    _run(network, pictures[:1], hooks)
    return [(convolution, behind.get(convolution)) for convolution in ran]


def _run(network: Network, pictures: Tensor, hooks: list[torch.utils.hooks.RemovableHandle]) -> None:
    with torch.no_grad():
        network.eval()(pictures)
    for hook in hooks:
        hook.remove()
