"""Recognises Reboot's production environments, where the simulator must never run."""

from collections.abc import Mapping


def production_reason(environ: Mapping[str, str]) -> str | None:
    """Why this environment is production, or None under `rbt dev run`, in tests and by hand.

    Reads the marks that Reboot leaves: the Cloud's controller sets `REBOOT_CLOUD_VERSION`, to
    whatever value, and `rbt serve run` sets `RBT_SERVE=true`. Reboot itself lets `RBT_DEV` win
    over `RBT_SERVE`; here either production mark is enough, so a mix of both is refused.
    """
    if "REBOOT_CLOUD_VERSION" in environ:
        return "this is Reboot Cloud (REBOOT_CLOUD_VERSION is set)"
    if environ.get("RBT_SERVE", "false").lower() == "true":
        return "this is `rbt serve run` (RBT_SERVE is true)"
    return None
