"""Opens the status page in a browser and looks at what it shows: prepared ones, and the one that a load in the sandbox leaves."""

import contextlib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREPARED = ROOT / "src/report/page/snapshots"
PICTURES = ROOT / "target/page"
PHONE = 390

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))
from browser import Browser
from outside import holds

# The least contrast of text and ground that everybody can read (WCAG 2.2, 1.4.3), and that of lines (1.4.11).
TEXT, LINES = 4.5, 3.0

CONTRASTS = """(() => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part => part / 255);
    const [r, g, b] = parts.map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return light(colour);
    }
    return 1;
  };
  const contrast = (colour, element) => {
    const [low, high] = [light(colour), ground(element)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = [...document.body.querySelectorAll('*')].filter(element =>
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return {
    text: Math.min(...texts.map(element => contrast(getComputedStyle(element).color, element))),
    lines: Math.min(21, ...[...document.querySelectorAll('polyline')].map(line => contrast(getComputedStyle(line).stroke, line))),
  };
})()"""

# Whatever sticks out of the card or of the window.
OUTSIDE = """[...document.body.querySelectorAll('*')].filter(element => {
  const [own, room] = [element, element.closest('article') ?? document.documentElement].map(one => one.getBoundingClientRect());
  return own.right > room.right + 1 || own.left < room.left - 1;
}).map(element => element.outerHTML.slice(0, 80))"""

# Whether the words of each sentence that follow the name stand in their order, from left to right.
IN_ORDER = """[...document.querySelectorAll('.sentence')].every(sentence => {
  const text = sentence.firstChild, start = text.data.lastIndexOf('was loaded');
  const left = at => {
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    const { left, top } = range.getBoundingClientRect();
    return [top, left];
  };
  const [first, second] = [left(start), left(start + 4)];
  return second[0] > first[0] || second[1] > first[1];
})"""


def look(browser, page, name):
    """Looks at what is true of every page, as it is on a screen, on a phone, in the dark and on paper."""
    for width, scheme in [(1100, "light"), (1100, "dark"), (PHONE, "light"), (PHONE, "dark")]:
        where = f"{name}, {width} wide, {scheme}"
        browser.open(page, width, 900, scheme)
        asked = [event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"]
        holds(f"{where}: nothing is asked for but the page", asked == [page.resolve().as_uri()], asked)
        said = [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown",
                                                                         "Page.javascriptDialogOpening")]
        holds(f"{where}: its policy allows all that is in it, and nothing runs", not said, said)
        holds(f"{where}: its title is its own", browser.ask("document.title") == "Segments", browser.ask("document.title"))
        contrasts = browser.ask(CONTRASTS)
        holds(f"{where}: everything can be read", contrasts["text"] >= TEXT and contrasts["lines"] >= LINES, contrasts)
        is_dark = browser.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 100")
        holds(f"{where}: it is light or dark as the reader likes", is_dark == (scheme == "dark"), is_dark)
        room = browser.ask("document.documentElement.scrollWidth")
        holds(f"{where}: nobody has to scroll sideways", room <= width, room)
        outside = browser.ask(OUTSIDE)
        holds(f"{where}: nothing sticks out", not outside, outside)
        columns = browser.ask("getComputedStyle(document.querySelector('article')).gridTemplateColumns.split(' ').length")
        holds(f"{where}: a phone has one column", columns == (1 if width == PHONE else 2), columns)
        browser.picture(PICTURES / f"{name}-{width}-{scheme}.png")
    paper = browser.printed()
    holds(f"{name}: it can be printed", paper.startswith(b"%PDF-") and len(paper) > 10_000, len(paper))
    (PICTURES / f"{name}.pdf").write_bytes(paper)


def shown(browser):
    return browser.ask("document.body.innerText")


def look_at_all_lights(browser):
    page, = PREPARED.glob("*__lights.snap.html")
    look(browser, page, "lights")
    words = {"State unreadable": "bad", "Failing": "bad", "Interrupted": "bad", "Refused": "warn", "Too old": "warn",
             "Not fully counted": "warn", "Being loaded": "busy", "Being computed": "busy", "Name to check": "warn", "Up to date": "good"}
    seen = browser.ask("[...document.querySelectorAll('article')].map(card => [card.querySelector('.light').innerText.slice(2), "
                       "card.className.replace('card ', '')])")
    holds("each light is told by a word, and has the colour of it", dict(seen) == words and len(seen) == len(words), seen)
    curves = browser.ask("[...document.querySelectorAll('polyline')].map(line => line.getBoundingClientRect().width)")
    holds("each curve has some width", len(curves) == 8 and all(width > 100 for width in curves), curves)
    command = browser.ask("getSelection().selectAllChildren(document.querySelector('.how + pre code')), getSelection().toString()")
    holds("a command can be copied as one line", command.startswith("aws lambda invoke") and "\n" not in command, command)


def look_at_hostile_names(browser):
    page, = PREPARED.glob("*__hostile.snap.html")
    look(browser, page, "hostile")
    counts = browser.ask("['article', 'h3', 'script', 'img'].map(name => document.querySelectorAll(name).length)")
    holds("names are text and nothing else", counts == [5, 5, 0, 0], counts)
    names = browser.ask("[...document.querySelectorAll('h3')].map(name => name.innerText)")
    expected = {"</bdi></h3><script>document.title='broken'</script><img src=x onerror=alert(1)>\"'&amp;",
                "\ufffdelaS remmuS", "مبيعات الصيف", "👩‍👩‍👧 & <b>Søns</b>", "W" * 100}
    holds("each name is shown as it is, but for what would turn it around", set(names) == expected, names)
    holds("no name turns the sentence around", browser.ask(IN_ORDER), shown(browser))


def look_at_the_example(browser):
    """Takes the picture that is docs/status-page.png, by `pngquant --speed 1 32`, once it looks otherwise."""
    page, = PREPARED.glob("*__example.snap.html")
    look(browser, page, "example")


def look_at_a_load(browser, example):
    ended = subprocess.run([example], capture_output=True, text=True, timeout=300, check=False)
    place = re.search(r"^Status page: (.+)$", ended.stdout, re.MULTILINE)
    holds("the sandbox says where the page is", place, ended.stdout + ended.stderr)
    look(browser, pathlib.Path(place[1]), "load")
    text = shown(browser)
    for part in ("1 segment: 1 up to date.", "Summer Sale", "Up to date", "“Summer Sale” was loaded: it has 3,951 people",
                 "3,951 people", "One load: 3,951 people", "127.0.0.1"):
        holds(f"it shows “{part}”", part in text, text)
    ids = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)
    holds("it shows nobody's id", not ids, ids)


def main(program, example):
    PICTURES.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        browser = Browser(stack, program)
        look_at_all_lights(browser)
        look_at_hostile_names(browser)
        look_at_the_example(browser)
        look_at_a_load(browser, example)


main(*sys.argv[1:])
