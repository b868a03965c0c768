"""The settings: environment or `.env`, read once; one message names everything that is wrong."""

from bot.settings.fields import SHORTEST_SECRET
from bot.settings.reading import (
    MISSPELLED,
    Mode,
    SettingsError,
    misspelled,
    read_alone_settings,
    read_audit_settings,
    read_evidence_settings,
    read_policy_settings,
    read_settings,
)
from bot.settings.settings import (
    AloneSettings,
    AuditSettings,
    EvidenceSettings,
    PolicySettings,
    Settings,
)

__all__ = [
    "MISSPELLED",
    "SHORTEST_SECRET",
    "AloneSettings",
    "AuditSettings",
    "EvidenceSettings",
    "Mode",
    "PolicySettings",
    "Settings",
    "SettingsError",
    "misspelled",
    "read_alone_settings",
    "read_audit_settings",
    "read_evidence_settings",
    "read_policy_settings",
    "read_settings",
]
