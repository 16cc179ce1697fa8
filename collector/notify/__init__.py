"""How people are told: what is owed in the ledger is worked off by providers, one file each.

`Notifier` works it off; `words` makes the texts; `configured` makes the providers of the settings.
"""

from collector.notify.notifier import Notifier, send_test
from collector.notify.provider import Answer, Message, Provider, ProviderConfig, configured, known
from collector.notify.words import words

__all__ = ["Answer", "Message", "Notifier", "Provider", "ProviderConfig", "configured", "known", "send_test", "words"]
