"""What the tests of this folder share."""

from tests.oauth.site_fixtures import run, runtime, site

__all__ = ["run", "runtime", "site"]
