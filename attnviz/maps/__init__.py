"""From records to attention maps, one idea per file."""

from attnviz.maps.base import (
    METHODS,
    AttentionMap,
    MapMethod,
    MethodCard,
    ModelMethod,
    available,
    explain,
    is_flat,
    method_class,
    register_method,
)

__all__ = [
    "METHODS",
    "AttentionMap",
    "MapMethod",
    "MethodCard",
    "ModelMethod",
    "available",
    "explain",
    "is_flat",
    "method_class",
    "register_method",
]
