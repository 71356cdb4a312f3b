"""Model fields that several apps share."""

import json
from typing import Any

from django.db import models

from outreach.lib import crypto


class EncryptedJSONField(models.TextField):
    """A JSON value that is an encrypted token in the database and plain Python in memory.

    It cannot be searched or ordered by, and opening it without its key raises :class:`outreach.lib.crypto.WrongKey`.
    """

    # Read by mypy's Django plugin: unlike other text fields this one holds any JSON value.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(crypto.decrypt(value))

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else crypto.encrypt(json.dumps(value))

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        # Dumps and fixtures carry the token, never the secret.
        return self.get_prep_value(self.value_from_object(obj)) or ""
