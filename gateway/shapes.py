"""The words in which the API's JSON is described: JSON Schema, as OpenAPI 3.1 takes it."""

from __future__ import annotations

from typing import Any, Final

from recoup.bounds import ID_PATTERN, TID_PATTERN
from recoup.settings import AMOUNT_MAX

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
YES_OR_NO: Final[Schema] = {"type": "boolean"}
ID: Final[Schema] = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
TID: Final[Schema] = {
    "type": "string",
    "pattern": f"^{TID_PATTERN}$",
    "description": "Names the attempt to check out this version of the order.",
}


def whole_number(least: int = 0, most: int = AMOUNT_MAX, description: str = "") -> Schema:
    """The schema of an integer within bounds."""
    schema = {"type": "integer", "format": "int64", "minimum": least, "maximum": most}
    return schema | {"description": description} if description else schema


def an_object(example: Schema, **properties: Schema) -> Schema:
    """An object that has all of these properties. More may come with a later version."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "examples": [example],
    }


def or_null(schema: Schema) -> Schema:
    """The schema, or null: it isn't known, or there is none."""
    return schema | {"type": [schema["type"], "null"]}
