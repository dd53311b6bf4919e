"""The book: every page is whole, and works in a browser from a folder, without a network."""

import json
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

import musiclab

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow  # it is built first

LONGEST_PAGE, LARGEST_BOOK = 1_000_000, 40_000_000  # bytes


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """Build the book without a warning. It fails as well where a public name of a room has no docstring."""
    pytest.importorskip("furo")
    folder = tmp_path_factory.mktemp("book")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / "doctrees")]
    outcome = subprocess.run(
        [*sphinx, "-c", "docs", ".", str(folder / "html")], cwd=ROOT, capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stderr
    return folder / "html"


class PageReader(HTMLParser):
    """Collect the ids of a page, what it loads and where it leads."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.loaded, self.links, self.views, self.undescribed = [], [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.loaded += [values["src"]] if "src" in values else []
        self.loaded += (
            [values["href"]] if tag == "link" and values["rel"] not in ("index", "search", "next", "prev") else []
        )
        self.views += [values[name] for name in ("data-widget", "data-state") if values.get(name)]
        self.undescribed += [values["src"]] if tag == "img" and not values.get("alt") else []


def test_no_page_has_a_dead_link_a_missing_file_or_an_id_twice(book):
    pages = {path: PageReader(path) for path in book.rglob("*.html")}
    for path, page in pages.items():
        name = path.relative_to(book).as_posix()
        assert [key for key, count in Counter(page.ids).items() if count > 1] == [], name
        assert page.undescribed == [], name
        assert not [address for address in page.loaded if urlsplit(address).scheme not in ("", "data")], name
        assert all((book / f"_static/views/{view}.js").is_file() for view in page.views), name
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), (name, address)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, (name, address)


def test_the_book_holds_all_lessons_and_rooms_and_stays_small(book):
    for notebook in (ROOT / "notebooks").rglob("[0-9]*.ipynb"):
        if "checkpoint" in notebook.stem or "translations" in notebook.parts:  # made by the tools
            continue
        name = notebook.relative_to(ROOT).with_suffix("")
        page = (book / name).with_suffix(".html").read_text(encoding="utf-8")
        assert len(page) < LONGEST_PAGE
        sounds = notebook.read_text(encoding="utf-8").count("<audio")
        assert page.count("<audio") == sounds <= page.count("<musiclab-view")
        download = json.loads((book / "_static" / name).with_suffix(".ipynb").read_text(encoding="utf-8"))
        assert not any(cell.get("outputs") for cell in download["cells"])
    for room in musiclab._ROOMS:
        assert (book / f"docs/reference/{room}.html").is_file()
    assert 'id="musiclab.store.prepare"' in (book / "docs/reference/store.html").read_text(encoding="utf-8")
    assert (book / "docs/reference/plots.html").read_text(encoding="utf-8").count("<img") > 5
    assert sum(path.stat().st_size for path in book.rglob("*") if path.is_file()) < LARGEST_BOOK


@pytest.fixture
def open_page(book, browser):
    """Open pages of the book from the folder; in the end, nothing was requested elsewhere, and there was no error."""
    problems = []

    def open_at(name: str, width: int = 1366, theme: str = "light", height: int = 844):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, offline=True)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: check(request.url))
        path, _, section = name.partition("#")
        page.goto(f"{(book / path).as_uri()}#{section}")
        return page

    def check(url: str) -> None:
        if not re.match("file:|data:|blob:", url):
            problems.append(f"requested {url}")

    yield open_at
    assert problems == []


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1366, "light")])
def test_a_player_plays_seeks_zooms_and_marks_regions_without_python(open_page, width, theme):
    page = open_page("notebooks/01_waveforms.html", width, theme)
    page.locator("musiclab-view").first.scroll_into_view_if_needed()
    player = page.locator(".musiclab-player").first
    player.get_by_role("button", name="Play").click()
    page.wait_for_function("parseFloat(document.querySelector('.musiclab-player .stage').ariaValueNow) > 0.2")
    player.get_by_role("button", name="Pause").click()
    player.locator(".stage").press("Home")
    stage = player.locator(".stage")
    assert stage.get_attribute("aria-valuenow") == "0.000"
    stage.press("+")
    player.locator(".overview").wait_for()
    box = stage.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 40)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert player.locator(".region").count() == 1
    places = [button.bounding_box()["x"] for button in player.locator(".tools summary").all()]
    player.locator(".tools summary", has_text="Settings").click()
    player.get_by_label("Volume").wait_for()
    assert [button.bounding_box()["x"] for button in player.locator(".tools summary").all()] == places
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_view_of_a_lesson_is_alive_and_moves_nothing(open_page):
    page = open_page("notebooks/02_spectrograms_and_mels.html#quiz")
    page.wait_for_function("Math.abs(document.getElementById('quiz').getBoundingClientRect().top) < 100")
    position = "document.getElementById('quiz').getBoundingClientRect().top + scrollY"
    first, views = page.evaluate(position), page.locator("musiclab-view")
    for index in range(views.count()):
        views.nth(index).scroll_into_view_if_needed()
        views.nth(index).locator(".musiclab canvas").first.wait_for()
    assert page.locator(".musiclab-explorer").count() == 1
    assert abs(page.evaluate(position) - first) < 50
    page = open_page("notebooks/13_compare.html")  # its mixer needs Python, so a still with a player stays
    assert page.get_by_text("In Jupyter, this is a StudioMixer").count() == 1


def test_recorded_views_answer_without_python(open_page):
    page = open_page("docs/try.html")
    mixer, matrix, clip_map = (page.locator("musiclab-view").nth(index) for index in range(3))
    mixer.scroll_into_view_if_needed()
    status, refusal = mixer.get_by_role("status").first, mixer.get_by_text("no answer for this choice")
    first = status.inner_text()
    mixer.get_by_role("button", name="solo drums").click()
    page.wait_for_function("([node, first]) => node.innerText !== first", arg=[status.element_handle(), first])
    assert mixer.get_by_label("Ground truth of the track").inner_text().endswith("drums")
    assert mixer.locator(".musiclab-before").count() > 0
    mixer.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.musiclab-player .stage').ariaValueNow > 0.2")
    mixer.get_by_label("genre").select_option("jazz")  # keeps playing
    mixer.get_by_text("jazz, track 0").wait_for()
    mixer.get_by_role("button", name="Pause").wait_for()
    time = "document.querySelector('.musiclab-player .stage').ariaValueNow"
    before = float(page.evaluate(time))
    page.wait_for_function(f"Math.abs({time} - {before}) > 0.3")  # it sounds, and doesn't only say so
    assert refusal.count() == 0
    mixer.get_by_role("button", name="Reset to defaults").click()
    mixer.get_by_role("checkbox", name="bass").check()
    mixer.get_by_role("checkbox", name="pad").click()
    refusal.wait_for()
    assert not mixer.get_by_role("checkbox", name="pad").is_checked()  # the page shows what you hear
    assert mixer.get_by_role("checkbox", name="bass").is_checked()

    matrix.scroll_into_view_if_needed()
    cell = matrix.locator("td button:not([aria-label$='no clips'])").nth(2)
    true, predicted = re.match("true (.+), predicted (.+): ", cell.get_attribute("aria-label")).groups()
    cell.click()
    matrix.get_by_text(f"true {true}, predicted {predicted}:").wait_for()
    matrix.locator(".musiclab-table tbody tr").last.click()
    matrix.locator(".musiclab-table tbody tr.musiclab-chosen").last.wait_for()
    assert matrix.get_by_text(f"class {true}").count() == 1
    matrix.locator("td button[aria-label$='no clips']").first.click()
    matrix.get_by_text("This cell has no clips").wait_for()
    assert not matrix.locator(".musiclab-player").is_visible()

    clip_map.scroll_into_view_if_needed()
    points = clip_map.locator("canvas").first
    points.focus()
    before = clip_map.locator(".musiclab-clip").inner_text()
    page.keyboard.press("End")
    page.wait_for_function(
        "([node, before]) => node.innerText !== before",
        arg=[clip_map.locator(".musiclab-clip").element_handle(), before],
    )
    clip_map.get_by_label("projection").select_option("tsne")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1366


def test_the_classifier_takes_samples_and_the_theme_of_the_book(open_page):
    page = open_page("docs/try.html")
    page.locator("iframe").scroll_into_view_if_needed()
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Listen").wait_for()
    page.get_by_role("button", name="metal").click()
    frame.get_by_text(re.compile(r"metal\.mp3: 8\.0 s, most likely")).wait_for()
    inside, outside = frame.locator(".play").first, page.locator(".musiclab-player .play").first
    for first, second in ((inside, outside), (outside, inside)):  # one sound at a time
        first.click()
        second.click()
        first.filter(has_text="Play").wait_for()
        second.filter(has_text="Pause").wait_for()
        second.click()
    height = page.locator("iframe").evaluate("frame => frame.clientHeight")
    frame.locator('input[type="file"]').set_input_files({"name": "a.mp3", "mimeType": "", "buffer": b"no sound"})
    frame.get_by_text("a.mp3: this browser can't decode the file").wait_for()
    page.wait_for_function(f"document.querySelector('iframe').clientHeight < {height} - 300")
    assert frame.get_by_text("no test result").count() == 0  # the page states one
    text = frame.locator("#verdict").element_handle()
    lightness = "node => getComputedStyle(node).color.match(/[0-9]+/g).reduce((sum, part) => sum + +part, 0)"
    assert text.evaluate(lightness) < 200
    page.evaluate("document.body.dataset.theme = 'dark'")
    frame.locator(":root[style*=dark]").wait_for()
    assert text.evaluate(lightness) > 500


FAULTS = """slide => [...slide.querySelectorAll("*"), slide].filter((part) => {
    const isCutOff = part.scrollHeight > part.clientHeight + 2 || part.scrollWidth > part.clientWidth + 2;
    const lines = part.clientHeight / parseFloat(getComputedStyle(part).fontSize);
    return part.matches(".slide, .shown, .output, pre") && isCutOff || part.matches("li") && lines > 2.2;
}).map((part) => part.outerHTML.slice(0, 80))"""  # a point takes one line


@pytest.mark.parametrize("lesson", ["02", "06"])
def test_slides_fit_turn_and_play(open_page, lesson):
    page = open_page(f"slides/{lesson}.html", 1280, height=720)
    slides = page.locator(".slide")
    page.locator("musiclab-view").first.get_by_role(
        "button", name="Play"
    ).click()  # its keys don't stop a remote control
    for number in range(1, slides.count() + 1):
        assert page.url.endswith(f"#{number}")
        hidden = slides.nth(number - 1).locator("details.predict")
        if hidden.count():
            page.keyboard.press("PageDown")
            assert hidden.evaluate("details => details.open")
        for view in slides.nth(number - 1).locator("musiclab-view").all():
            view.locator(".musiclab canvas").first.wait_for()
        assert slides.nth(number - 1).evaluate(FAULTS) == []
        page.keyboard.press("PageDown")
        page.wait_for_url(re.compile(f"#{min(number + 1, slides.count())}$"))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Previous slide").click()
    page.wait_for_url(re.compile(f"#{slides.count() - 1}$"))
    page.get_by_role("button", name="Next slide").click()
    page.wait_for_url(re.compile(f"#{slides.count()}$"))
    assert page.get_by_role("link", name=f"Lesson {lesson}").get_attribute("href").startswith("../notebooks/")
    page.keyboard.press("n")
    assert slides.last.locator(".notes").is_visible()
    with page.expect_popup() as window:
        page.keyboard.press("s")
    assert "the end" in window.value.locator("body").inner_text()
    window.value.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile(f"#{slides.count() - 1}$"))


def test_the_search_works_from_a_folder(open_page):
    page = open_page("docs/index.html")
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill("aliasing")
    page.keyboard.press("Enter")
    page.locator("#search-results li a", has_text="Waveforms").first.click()
    assert page.title().startswith("01 Waveforms")
    page = open_page("docs/index.html")
    page.get_by_placeholder("Search").first.fill("overfitting")
    page.keyboard.press("Enter")
    page.locator("#search-results li a", has_text="Glossary").first.click()
    assert page.url.endswith("notebooks/glossary.html#term-overfitting")


def test_a_lesson_links_to_services_only_if_the_repository_is_known(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import notebook_pages

    notebook = nbformat.read(ROOT / "notebooks/06_first_network.ipynb", as_version=4)
    monkeypatch.setattr(notebook_pages, "REPOSITORY", "")
    assert notebook_pages.services("notebooks/06") == {}
    guide = (ROOT / "docs/elsewhere.md").read_text(encoding="utf-8")
    notebook_pages.adapt(None, "docs/elsewhere", shortened := [guide])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    notebook_pages.adapt(None, "README", first_steps := [readme])
    assert first_steps[0].startswith("# First steps")
    assert "ADDRESS" in first_steps[0]
    assert "{install-cell}" in guide
    assert "{install-cell}" not in shortened[0]
    assert shortened[0].count("\n## ") == guide.count("\n## ") - 1
    assert "pip install" not in notebook_pages.for_download(notebook).cells[1].source
    monkeypatch.setattr(notebook_pages, "REPOSITORY", "https://example.org/us/musiclab")
    binder = "https://mybinder.org/v2/git/https%3A%2F%2Fexample.org%2Fus%2Fmusiclab/HEAD?labpath=notebooks/06.ipynb"
    assert notebook_pages.services("notebooks/06") == {"Binder": binder}
    notebook_pages.adapt(None, "README", first_steps)
    assert "git clone https://example.org/us/musiclab musiclab" in first_steps[0]
    assert "ADDRESS" in readme
    assert "ADDRESS" not in first_steps[0]
    download = notebook_pages.for_download(notebook)
    nbformat.validate(download)
    assert '"musiclab[lessons] @ git+https://example.org/us/musiclab"' in download.cells[1].source
    monkeypatch.setattr(notebook_pages, "REPOSITORY", "https://github.com/us/musiclab")
    assert notebook_pages.services("notebooks/06")["Colab"].endswith("/us/musiclab/blob/main/notebooks/06.ipynb")
