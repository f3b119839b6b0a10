"""Packages, publishes and verifies models; other rooms use what is exported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nic.lazy import lazy_exports

if TYPE_CHECKING:
    from model_card.commands import Packaging as Packaging
    from model_card.hubs import Hub as Hub
    from model_card.hubs import open_hub as open_hub
    from model_card.push import package_model as package_model
    from model_card.push import publish_model as publish_model
    from model_card.push import verify_model as verify_model

__all__ = ["Hub", "Packaging", "open_hub", "package_model", "publish_model", "verify_model"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Hub": "model_card.hubs",
        "Packaging": "model_card.commands",
        "open_hub": "model_card.hubs",
        "package_model": "model_card.push",
        "publish_model": "model_card.push",
        "verify_model": "model_card.push",
    },
)
