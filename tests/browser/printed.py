"""The words on each page of a PDF that Chromium has printed; of the format only what Chromium writes."""

import re
import zlib

OBJECT = re.compile(rb"^(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-F]+)> Tj")
IMAGE = re.compile(rb"/Subtype\s*/Image")


class Printed:
    """A PDF; `pages` has the words of each page, without spaces, as they come."""

    def __init__(self, content):
        self.objects = {int(number): body for number, body in OBJECT.findall(content)}
        self.images = sum(bool(IMAGE.search(body)) for body in self.objects.values())
        self._fonts = {}
        kinds = {number: self._kind(body) for number, body in self.objects.items()}
        (catalog,) = (number for number, kind in kinds.items() if kind == b"Catalog")
        (top,) = self._named(catalog, b"Pages")
        self.pages = [self._words(each) for each in self._leaves(top, kinds)]

    @staticmethod
    def _kind(body):
        found = re.search(rb"/Type\s*/(\w+)", body.split(b"stream", 1)[0])
        return found[1] if found else b""

    def _named(self, number, name):
        """The numbers of the objects that a field of another one names."""
        found = re.search(rb"/" + name + rb"\s*(\[[^\]]*\]|\d+ 0 R)", self.objects[number])
        return [int(each) for each in re.findall(rb"(\d+) 0 R", found[1])] if found else []

    def _leaves(self, number, kinds):
        """The pages below a node of the tree of pages, in their order."""
        if kinds[number] == b"Page":
            return [number]
        return [leaf for each in self._named(number, b"Kids") for leaf in self._leaves(each, kinds)]

    def _stream(self, number):
        raw = self.objects[number].split(b"stream\n", 1)[1].rsplit(b"\nendstream", 1)[0]
        return zlib.decompress(raw)

    def _words(self, page):
        fonts = b"".join(re.findall(rb"/Font\s*<<(.*?)>>", self.objects[page], re.DOTALL))
        named = dict(re.findall(rb"/(F\d+) (\d+) 0 R", fonts))
        text, letters = "", dict[bytes, str]()
        for font, shown in SHOWN.findall(
            b"".join(map(self._stream, self._named(page, b"Contents")))
        ):
            letters = self._letters(int(named[font])) if font else letters
            text += "".join(letters[shown[at : at + 4]] for at in range(0, len(shown), 4))
        return text

    def _letters(self, font):
        """The character of each code of a font; without this table the page would only look like text."""
        if font not in self._fonts:
            (table,) = self._named(font, b"ToUnicode")
            self._fonts[font] = dict(_pairs(self._stream(table)))
        return self._fonts[font]


def _pairs(table):
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, letter in re.findall(rb"<(\w{4})> <(\w+)>", block):
            yield code.upper(), bytes.fromhex(letter.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, letter in re.findall(rb"<(\w{4})> <(\w{4})> <(\w{4})>", block):
            for more in range(int(last, 16) - int(first, 16) + 1):
                yield b"%04X" % (int(first, 16) + more), chr(int(letter, 16) + more)
