"""Writes the software bill of materials of the application: `make sbom`.

CycloneDX 1.6 as JSON, from `requirements/app.lock`: what an installation has, with the digests that
it was installed by and its licences. The same lock gives the same file. CycloneDX's own library
checks it against the schema.
"""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Final

REPOSITORY = Path(__file__).resolve().parent.parent
FILE = REPOSITORY / "build" / "sbom.cdx.json"

sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "backend" / "src")]

from gist_mcp.version import VERSION  # noqa: E402
from scripts.audit_tools import tool  # noqa: E402
from scripts.locked_packages import LOCK, LockedPackage, locked_packages  # noqa: E402

NAME: Final = "github-gist-mcp"
SPECIFICATION: Final = "1.6"

type Json = dict[str, Any]

_CHECK: Final = f"""
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.from_version("{SPECIFICATION}"))
problem = validator.validate_str(pathlib.Path(sys.argv[1]).read_text())
sys.exit(0 if problem is None else str(problem)[:2000])
"""


def document(packages: list[LockedPackage], version: str) -> Json:
    """The bill of materials. Raises `LicenceUnknown`."""
    root = f"{NAME}@{version}"
    components = [_component(package) for package in packages]
    # The same content has the same number, so that two builds of one lock can be compared.
    content = json.dumps([root, components], sort_keys=True)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, content).urn,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": NAME,
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        # Which package asked for which is not kept in the lock in a form to rely on.
        "dependencies": [{"ref": root, "dependsOn": [package.purl for package in packages]}],
    }


def _component(package: LockedPackage) -> Json:
    component: Json = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [_licence(package.licence)],
        # One digest for each file that may be installed; `hashes` is for a component with one.
        "externalReferences": [
            {
                "type": "distribution",
                "url": package.purl,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for digest in package.sha256
        ],
    }
    if package.marker:
        component["properties"] = [{"name": f"{NAME}:marker", "value": package.marker}]
    return component


def _licence(expression: str) -> Json:
    if " " in expression:
        return {"expression": expression}
    return {"license": {"id": expression}}


def main() -> None:
    """Writes the file. Ends with a line on stderr if it is not as the schema says."""
    FILE.parent.mkdir(exist_ok=True)
    written = document(locked_packages(LOCK.read_text()), VERSION)
    FILE.write_text(json.dumps(written, indent=2) + "\n")
    checked = subprocess.run([tool("python"), "-I", "-c", _CHECK, str(FILE)], check=False)
    if checked.returncode:
        raise SystemExit(f"{FILE} is not CycloneDX {SPECIFICATION}")
    print(f"{FILE.relative_to(REPOSITORY)}: {len(written['components'])} packages")


if __name__ == "__main__":
    main()
