"""A site's part in a federation that NVFlare runs: its Client API around ``Site``.

NVFlare starts a script on every site once for a whole job; the script calls ``main`` of this module (see
``docs/federated.md``). NVFlare is imported when that happens: it lives in an environment of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
import yaml

from ..types import InputError
from ..user_errors import show_user_errors_plainly
from .site import Site, check_site, datalist_of

WEIGHT_KEY = "NUM_STEPS_CURRENT_ROUND"
"""What NVFlare's FedAvg weights a site by; here its training studies."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Take part until the job ends, with the options that the job gives to the script (``train_args``)."""
    show_user_errors_plainly()
    parser = argparse.ArgumentParser(description="A site's part in a federation that NVFlare runs.")
    parser.add_argument("site", metavar="SITE", help="folder with a datalist.json, or a datalist")
    parser.add_argument("--local_epochs", type=int, default=1, metavar="K", help="epochs a round (default: 1)")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder that stays at the site")
    parser.add_argument("--filters", metavar="FILE", help="configuration of MonaiAlgo's filters")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="further values")
    chosen = parser.parse_args(arguments)
    overrides = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in chosen.set)}
    datalist = datalist_of(chosen.site)
    check_site(datalist, overrides)
    take_part(
        _client_api(),
        datalist=datalist,
        output_dir=Path(chosen.output),
        local_epochs=chosen.local_epochs,
        filters=chosen.filters,
        overrides=overrides,
    )


def take_part(flare: ModuleType, *, datalist: Path, output_dir: Path, **options) -> None:
    """Answer every model that the server sends: with figures, and, unless it asks for those only, with weights.

    The figures are those of the weights as they came, so the server can choose the best of its rounds by ``score``.

    Args:
        flare: NVFlare's Client API.
        datalist, output_dir, options: see :class:`Site`.
    """
    flare.init()
    site = None
    while flare.is_running():
        model = flare.receive()
        if model is None:  # the job ended while we waited
            break
        if site is None:  # only now the number of rounds is known
            place = {"name": flare.get_site_name(), "datalist": datalist, "output_dir": output_dir}
            site = Site(**place, rounds=model.total_rounds or 1, **options)
        weights = {name: torch.as_tensor(value) for name, value in model.params.items()}
        metrics = site.evaluate(weights)
        if flare.is_evaluate():
            flare.send(flare.FLModel(metrics=metrics))
            continue
        trained = site.train(weights)
        counts = {WEIGHT_KEY: site.training_studies}
        flare.send(flare.FLModel(params_type=flare.ParamsType.FULL, params=trained, metrics=metrics, meta=counts))
    if site is not None:
        site.close()


def _client_api() -> ModuleType:
    try:
        return import_module("nvflare.client")
    except ImportError as error:
        raise InputError(
            found=f"no package {error.name}",
            expected="NVFlare's Client API",
            where="NVFlare client",
            remedy="Install it beside the bundle's requirements, in its own environment: pip install nvflare==2.9.0.",
        ) from error
