"""What matplotlib writes, made fit to stand inside a page: own ids, no header, no metadata, no style of its own."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from remission.report import svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def svg_body(figure: Figure, key: str) -> str:
    """The drawing inside the figure's <svg> element, the same bytes for the same figure; every id begins with `key`."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    whole = buffer.getvalue()
    body = whole[whole.index("<svg") : whole.rindex("</svg>")]
    body = body[body.index(">") + 1 :]
    for unwanted in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->"):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{key}-', body)
    body = re.sub(r'href="#', f'href="#{key}-', body)
    body = re.sub(r"url\(#", f"url(#{key}-", body)
    body = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'(?:, [^;\"]*)?", rf"font: \1{svg.FONT}", body)
    return re.sub(r">\s+<", "><", body).strip()
