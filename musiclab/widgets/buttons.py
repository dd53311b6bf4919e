"""Show HTML with buttons that send messages to Python."""

import html
import json

import traitlets

from musiclab.plots.browser import script, style
from musiclab.widgets.answering import Answering


class Buttons(Answering):
    """A widget that shows the HTML ``content``. Its buttons send Python messages; see :func:`button`."""

    _esm = script("buttons")
    _css = style("clips")
    content = traitlets.Unicode().tag(sync=True)


def button(text: str, message: dict, **attributes) -> str:
    """Format a button that sends a message.

    The attribute ``aria-label`` is ``aria_label``, and ``class`` is ``class_``.

    Examples
    --------
    >>> button("next", {"turn": 1}, title="Next page")
    '<button type="button" title="Next page" data-send="{&quot;turn&quot;: 1}">next</button>'
    """
    return f'<button type="button"{attributes_of(**attributes)}{sending(message)}>{html.escape(text)}</button>'


def sending(message: dict) -> str:
    """Format the attribute of an element that sends a message when it is pressed."""
    return attributes_of(data_send=json.dumps(message))


def attributes_of(**attributes) -> str:
    """Format attributes of an element; those that are "" or None are left out."""
    kept = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value not in ("", None)}
    return "".join(f' {name}="{html.escape(str(value))}"' for name, value in kept.items())
