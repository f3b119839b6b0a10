"""Templates of the HTML pages."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def page_environment(package: str) -> Environment:
    """Returns the templates of a package with `report.css.jinja`, the style of every page.

    Values are escaped, and a missing value is an error.

    Args:
        package: Name of the package whose folder holds the templates.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("nic", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
