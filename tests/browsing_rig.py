"""A real browser before a real JupyterLab, for the tests of widgets; conftest.py hands these fixtures to every test.

How a test uses it::

    def test_the_slider_moves(notebook_with):
        notebook = notebook_with("from musiclab.widgets import Explorer", "explorer = Explorer(...)", "explorer")
        page = notebook.page                                # playwright's, with its locators and waits
        page.get_by_role("slider", name="n_fft").press("ArrowRight")
        notebook.wait_for("explorer.n_fft == 2048")         # until Python says so
        assert notebook.ask("explorer.code") == "..."       # str of a value in the kernel
        page.screenshot(path="...")

``notebook_with(*cells, app="lab", width=1200, height=900, theme="light")`` writes a notebook with these cells, opens
it, runs all of them, and fails where a cell does. ``app="notebook"`` opens it in Notebook 7. When the test (or the
module, for ``notebook_of_module_with``, which saves the seconds that a kernel takes to start) is over, the page is
closed, the kernel is ended, and there must have been no error in the browser's console and no request to another
machine. What a click sets reaches Python a moment later: ``wait_for``, do not ``ask`` at once.

Chromium is Debian's (``apt install chromium``) or what MUSICLAB_BROWSER names. Where it or playwright
(``pip install playwright``) is missing the tests are skipped, or fail if MUSICLAB_REQUIRE_BROWSER=1.
"""

import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import nbformat
import pytest

PATIENCE = 30_000  # ms that one wait may take: machines are slow when others work on them

KNOWN_NOISE = {
    "Cannot read properties of undefined (reading 'schema')": "Notebook 7.6 asks for settings of a part it leaves out",
    "Command 'filebrowser:open-path' not registered.": "Notebook 7.6 opens a file browser it has only in its tree view",
}
"""First lines of errors that are not ours, exactly as they are -> why they may stay."""

FLAGS = (
    "--autoplay-policy=no-user-gesture-required",  # a click of playwright is one, but Python may press play as well
    "--use-fake-ui-for-media-stream",  # the microphone is allowed without a question
    "--use-fake-device-for-media-stream",  # and beeps
)

RUN_ALL = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""

ASK = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false});
    let text = "";
    future.onIOPub = ({header, content}) => {
        if (header.msg_type === "stream") text += content.text;
        if (header.msg_type === "error") text += content.traceback.join("\\n");
    };
    const reply = await future.done;
    return {status: reply.content.status, text};
}"""


# playwright's own wait_for_function takes the promise of an answer for the answer
WAIT = f"""async ([code, patience]) => {{
    const ask = {ASK};
    const end = performance.now() + patience;
    for (;;) {{
        const reply = await ask(code);
        if (reply.text === "True" || reply.status === "error" || performance.now() > end) return reply;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }}
}}"""


class Notebook:
    """A notebook that is open in the browser and has been run."""

    def __init__(self, page, name: str):
        self.page = page
        self.name = name
        self.errors: list[str] = []
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._note(f"{error.message}\n{error.stack}"))
        page.on("request", self._note_if_foreign)

    def ask(self, expression: str) -> str:
        """``str`` of a Python expression in the kernel."""
        return self.run(f"print({expression}, end='')")

    def run(self, code: str) -> str:
        """Run code in the kernel, outside the cells, and return what it prints."""
        reply = self.page.evaluate(ASK, code)
        assert reply["status"] == "ok", re.sub(r"\x1b\[[\d;]*m", "", reply["text"])
        return reply["text"]

    def wait_for(self, expression: str) -> None:
        """Wait until a Python expression in the kernel is true."""
        reply = self.page.evaluate(WAIT, [f"print(bool({expression}), end='')", PATIENCE])
        assert reply["text"] == "True", f"{expression} did not become true: {reply['text']}"

    def set_theme(self, theme: str) -> None:
        """``"light"`` or ``"dark"``."""
        name = f"JupyterLab {theme.capitalize()}"
        self.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        light = "true" if theme == "light" else "false"
        self.page.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")  # it covers the page meanwhile

    def run_all(self) -> None:
        """Run every cell, and fail where one has."""
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
        self.page.evaluate(RUN_ALL)
        failed = self.page.locator('[data-mime-type="application/vnd.jupyter.error"], .jp-mod-error').all_inner_texts()
        assert failed == [], "\n".join(failed)

    def check_clean(self) -> None:
        """Fail if the console had an error or something was asked of another machine."""
        assert self.errors == []

    def _note(self, text: str) -> None:
        if text.partition("\n")[0] not in KNOWN_NOISE:
            self.errors.append(text)

    def _note_if_foreign(self, request) -> None:
        if not re.match(r"(https?|ws)://127\.0\.0\.1[:/]|data:|blob:|about:", request.url):
            self.errors.append(f"asked another machine: {request.url[:200]}")


class Lab:
    """JupyterLab (and Notebook 7, which the same server serves) on a free port, with nothing of the user's own."""

    def __init__(self, folder: Path, command: list[str] | None = None):
        """Start JupyterLab in a folder, or another command that starts it."""
        self.folder = folder
        self.token = secrets.token_hex(16)
        home = folder / "home"
        if command is None:
            settings = home / "settings" / "@jupyterlab" / "apputils-extension"
            settings.mkdir(parents=True)
            quiet = {"fetchNews": "false", "checkForUpdates": False}  # both would ask another machine
            (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), encoding="utf-8")
            command = [sys.executable, "-m", "jupyterlab", "--allow-root", f"--ServerApp.root_dir={folder}"]
        places = {
            "HOME": home,
            "IPYTHONDIR": home / "ipython",
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        }
        own = {name: str(place) for name, place in places.items()}
        environment = {**os.environ, **own, "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        environment.pop("MPLBACKEND", None)  # of the tests: in a notebook figures are shown
        command = [
            *command, "--no-browser", "--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={self.token}",
            "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                self.url = found[0]
                break
        else:
            raise RuntimeError("JupyterLab did not start:\n" + "".join(said))
        # what it says later is read and dropped, or it would wait for a reader
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def url_of(self, name: str, app: str) -> str:
        """Where a notebook of the folder is opened in JupyterLab (``"lab"``) or Notebook 7 (``"notebook"``)."""
        return f"{self.url}{ {'lab': 'doc/tree', 'notebook': 'notebooks'}[app] }/{name}?token={self.token}"

    def end_kernels(self, name: str | None = None) -> None:
        """End the kernel of a notebook, or all: each holds some 300 MB once it has loaded torch."""
        for session in json.loads(self._api("GET", "api/sessions")):
            if name in (None, session["path"]):
                self._api("DELETE", f"api/sessions/{session['id']}")

    def close(self) -> None:
        """Stop the server and its kernels."""
        self.end_kernels()
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # a busy machine: how JupyterLab ends isn't what the tests are about
            self.process.kill()
            self.process.wait(timeout=30)

    def _api(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


def browser_program() -> str | None:
    """The path of a Chromium, or None."""
    named = os.environ.get("MUSICLAB_BROWSER")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if (path := shutil.which(name))), None)


def need_browser() -> str:
    """The path of a Chromium; where something is missing skip, or fail if MUSICLAB_REQUIRE_BROWSER=1."""
    program = browser_program()
    if importlib.util.find_spec("playwright") is None:
        missing = "no playwright: pip install playwright"
    elif program is None:
        missing = "no Chromium: apt install chromium, or name one in MUSICLAB_BROWSER"
    else:
        return program
    if os.environ.get("MUSICLAB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{missing} (MUSICLAB_REQUIRE_BROWSER=1)", pytrace=False)
    pytest.skip(missing)


def open_notebook(lab: Lab, browser, cells, app="lab", width=1200, height=900, theme="light") -> Notebook:
    """Write, open and run a notebook; ``cells`` are sources."""
    name = f"{secrets.token_hex(4)}.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(made, lab.folder / name)
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
    notebook = Notebook(page, name)
    page.goto(lab.url_of(name, app), wait_until="commit")
    notebook.run_all()
    if theme != "light":
        notebook.set_theme(theme)
    return notebook


def _notebooks(lab, browser):
    opened = []

    def open_with(*cells, **settings) -> Notebook:
        opened.append(open_notebook(lab, browser, cells, **settings))
        return opened[-1]

    yield open_with
    for notebook in opened:
        notebook.page.close()
        lab.end_kernels(notebook.name)
    for notebook in opened:
        notebook.check_clean()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One JupyterLab for all tests."""
    need_browser()
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window; a new one for each module, for playwright's event loop disturbs tests of others."""
    program = need_browser()
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, *(["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [])]  # root has no sandbox
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def notebook_with(lab, browser):
    """Opens notebooks for one test: ``notebook_with(*cells, app="lab", width=1200, theme="light")``."""
    yield from _notebooks(lab, browser)


@pytest.fixture(scope="module")
def notebook_of_module_with(lab, browser):
    """As ``notebook_with``, for all tests of a module: wrap it in a fixture that opens the notebook they share."""
    yield from _notebooks(lab, browser)
