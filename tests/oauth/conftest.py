"""What the tests of this folder share."""

from tests.oauth.site_fixtures import running, site

__all__ = ["running", "site"]
