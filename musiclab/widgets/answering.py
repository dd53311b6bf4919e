"""Confirm each message from the browser, so that a view can tell its reader if Python doesn't answer."""

import anywidget
import traitlets


class Answering(anywidget.AnyWidget):
    """A widget that increases ``answered`` after each message from the browser (see ``awaitAnswers`` in element.js)."""

    answered = traitlets.Int(0).tag(sync=True)

    def _handle_msg(self, msg):
        super()._handle_msg(msg)
        self.answered += 1
