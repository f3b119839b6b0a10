"""The makers by the origin that their pairs carry."""

from __future__ import annotations

from manuals.makers.captions import captions
from manuals.makers.fault_tables import codes, symptoms
from manuals.makers.lists import glossary, parts
from manuals.makers.manual import Maker
from manuals.makers.procedures import procedures
from manuals.makers.references import references
from manuals.makers.sentences import glossary_in_context, sentences

# In this order a query that two of them make takes its origin.
MAKERS: dict[str, Maker] = {
    "fault table": symptoms,
    "code list": codes,
    "procedure": procedures,
    "part list": parts,
    "glossary": glossary,
    "glossary in context": glossary_in_context,
    "cross-reference": references,
    "caption": captions,
    "sentence": sentences,
}
