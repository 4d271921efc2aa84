"""Emitted hardware in words: what its parameters are, what its ports mean, how it is used."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from enum import Enum
from typing import Any

from rtl.templating import filled
from rtl.top import ARRAY, LANES, STREAMS, plain

from .generation import Hardware

SCHEMA = "einfuse.rtl-parameters/1"
SETTINGS = {
    "repeats": "heads that are done one after the other",
    "blocks": "blocks of query tiles of a head",
    "slots": "query tiles of a block",
    "tiles": "tiles of keys",
    "keys": "keys of a query, before the mask",
    "offset": "causal mask: query number i sees keys up to i + offset; else 0",
    "queries": "causal mask: queries of a block; else 0",
    "causal": "1: causal mask; 0: none",
}
TILES = {  # of each stream: a tile, and which ones there are in a run
    "Q": ("query", "for each repeat and block, one for each slot"),
    "K": ("key", "for each repeat and block, one for each tile of keys that the block sees"),
    "V": ("key", "as those of K"),
    "AV": ("query", "as those of Q"),
}


def described(hardware: Hardware, top: str) -> dict[str, Any]:
    """Everything that the hardware follows from in plain types, and a hash of it all."""
    design, parameters = hardware.design, hardware.schedule.parameters
    found = {
        "schema": SCHEMA,
        "top": top,
        "schedule": {"digest": parameters.digest, **parameters.as_dict()},
        "design": {
            **_plain(asdict(design)),
            "max_queries": None,
            "tile_keys": design.tile_keys,
            "tile_queries": design.tile_queries,
        },
        "plan": _plain(asdict(hardware.plan)),
        "formats": {
            name: {"bits": word.bits, "signed": word.signed, "fraction_bits": word.fraction_bits}
            for name, word in design.formats.words.items()
        },
        "logit_per_score": design.formats.logit_per_score,
        "streams": streams(hardware),
    }
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return {"hash": hashlib.sha256(text.encode()).hexdigest(), **found}


def streams(hardware: Hardware) -> dict[str, dict[str, Any]]:
    """Of each stream, by port: its tensor, the tile that it carries, and how many words a tile has."""
    tiles = {tensor: hardware.design.tile(tensor) for tensor in STREAMS}
    return {
        STREAMS[tensor]: {
            "tensor": tensor,
            "lanes": tile.lanes,
            "features": tile.depth,
            "element_bytes": tile.element_bytes,
            "word_bytes": tile.word_bytes,
            "words_of_tile": tile.words,
        }
        for tensor, tile in tiles.items()
    }


def meanings(hardware: Hardware) -> dict[str, str]:
    """What each port is for, by the names of `rtl.verilog.verilog_file`."""
    found = {
        port: f"{tensor}, {streams(hardware)[port]['words_of_tile']} words a tile" for tensor, port in STREAMS.items()
    }
    found |= {**SETTINGS, "done": "high when nothing more will begin"}
    for unit in (ARRAY, LANES):
        for cause in hardware.plan.causes(unit):
            found[f"idle_{unit}_{plain(cause)}"] = f"cycles in which {unit} stood still: {cause}"
    return found


def readme(hardware: Hardware, parameters: dict[str, Any], **others: Any) -> str:
    """The README of the folder; `others` are what its template asks for beside."""
    formats = hardware.design.formats
    return filled(
        "README.md",
        top=parameters["top"],
        parameters=parameters,
        design=hardware.design,
        formats=formats,
        words={name: str(word) for name, word in formats.words.items()},
        settings=SETTINGS,
        streams=[
            {"port": port, **each, "of": TILES[each["tensor"]][0], "tiles": TILES[each["tensor"]][1]}
            for port, each in parameters["streams"].items()
        ],
        idle={name: meaning for name, meaning in meanings(hardware).items() if name.startswith("idle_")},
        **others,
    )


def _plain(value: Any) -> Any:
    """A value without enumerations."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value
