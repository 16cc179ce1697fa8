"""The pictures of the page about concepts, drawn in both languages from one place; light cards, read on any ground."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tools.reference.texts import LANGUAGES, Language, texts_of

_INK, _QUIET, _LINE, _GROUND = "#1f2937", "#5b6472", "#94a3b8", "#f6f8fa"
_GOOD, _BAD, _WAIT, _OURS = "#0f766e", "#b91c1c", "#b45309", "#0a58a6"
_FONT = "system-ui, 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_BOX_W, _BOX_H = 132, 58


def rendered() -> dict[str, str]:
    """Each picture by its file name in `docs/`."""
    made = {}
    for language in LANGUAGES:
        ending = "" if language == "en" else ".zh-CN"
        for name, draw in (("way", _way), ("silence", _silence), ("one-cause", _one_cause)):
            made[f"images/{name}{ending}.svg"] = draw(texts_of("pictures", language), language)
    return made


def _way(texts: dict[str, str], language: Language) -> str:
    columns, top, bottom = (14, 174, 334, 494), 52, 212
    row = dict(zip(("device", "agent", "broker", "collector"), columns, strict=True))
    back = dict(zip(("person", "notify", "incidents", "watch"), columns, strict=True))
    parts = [
        _box(x, top, texts[name], texts[f"{name}_does"], _OURS if name in _PARTS else _QUIET) for name, x in row.items()
    ]
    parts += [
        _box(x, bottom, texts[name], texts[f"{name}_does"], _OURS if name in _PARTS else _QUIET)
        for name, x in back.items()
    ]
    middle = _BOX_H / 2
    parts += [_arrow(x + _BOX_W, top + middle, x + 158, top + middle) for x in columns[:3]]
    parts += [_arrow(x, bottom + middle, x - 26, bottom + middle) for x in columns[1:]]
    end = columns[3] + _BOX_W / 2
    parts.append(_arrow(end, top + _BOX_H, end, bottom))
    parts.append(_box(columns[2], 138, texts["readings"], texts["readings_does"], _QUIET, 46))
    parts.append(_arrow(columns[3] + 20, top + _BOX_H, columns[2] + _BOX_W, 154))
    agent, collector = columns[1] + _BOX_W / 2, columns[3] + _BOX_W / 2
    parts.append(
        f'<path d="M{collector:g} {top} V22 H{agent:g} V{top - 3}" fill="none" stroke="{_GOOD}" stroke-width="2" '
        f'stroke-dasharray="5 4" marker-end="url(#good)"/>'
    )
    parts.append(_text((agent + collector) / 2, 17, texts["ack"], _GOOD, 13))
    return _picture(640, 286, texts["way"], parts, language)


_PARTS = frozenset({"agent", "collector", "watch", "incidents", "notify"})


def _silence(texts: dict[str, str], language: Language) -> str:
    last, limit, told, back, end, y = 150, 290, 440, 540, 626, 92
    bands = ((14, last, _GOOD), (last, limit, _WAIT), (limit, back, _BAD), (back, end, _GOOD))
    parts = [f'<rect x="{a}" y="{y}" width="{b - a}" height="14" fill="{colour}"/>' for a, b, colour in bands]
    parts += [f'<circle cx="{x}" cy="{y - 12}" r="4" fill="{_GOOD}"/>' for x in (22, 54, 86, 118, last, back, 572, 604)]
    parts += [f'<circle cx="{x}" cy="{y - 12}" r="4" fill="none" stroke="{_QUIET}"/>' for x in (182, 214, 246, 278)]
    marks = (
        (last, "last_heard", 44, _GOOD),
        (limit, "limit", 20, _BAD),
        (told, "told", 44, _BAD),
        (back, "good", 20, _GOOD),
    )
    for x, name, above, colour in marks:
        parts.append(f'<path d="M{x} {above + 6} V{y + 14}" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(_text(x, above, texts[name], colour, 13))
    for a, b, name in ((14, last, "ok"), (last, limit, "waiting"), (limit, back, "silent"), (back, end, "ok")):
        parts.append(_text((a + b) / 2, y + 34, texts[name], _INK, 14))
    parts.append(_text(320, y + 62, texts["silence_does"], _QUIET, 13))
    return _picture(640, 170, texts["silence"], parts, language)


def _one_cause(texts: dict[str, str], language: Language) -> str:
    parts = [f'<rect x="14" y="14" width="250" height="160" rx="8" fill="#fff" stroke="{_LINE}"/>']
    parts.append(_text(139, 36, texts["centre"], _INK, 14))
    for place in range(40):
        x, y = 34 + place % 10 * 24, 56 + place // 10 * 24
        parts.append(f'<circle cx="{x}" cy="{y}" r="7" fill="{_OURS if place % 4 == 0 else _LINE}"/>')
    parts.append(_text(139, 164, texts["power_out"], _BAD, 13))
    parts.append(_arrow(270, 94, 350, 94))
    parts.append(f'<rect x="356" y="46" width="270" height="96" rx="8" fill="#fff" stroke="{_BAD}" stroke-width="2"/>')
    for line, (name, colour, size) in enumerate(
        (("incident", _BAD, 16), ("counts", _INK, 14), ("households", _INK, 14))
    ):
        parts.append(_text(491, 74 + line * 24, texts[name], colour, size))
    parts.append(_text(310, 82, texts["not_forty"], _QUIET, 12))
    return _picture(640, 188, texts["one_cause"], parts, language)


def _picture(width: int, height: int, title: str, parts: list[str], language: Language) -> str:
    lines: Iterator[str] = iter(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'lang="{"en" if language == "en" else "zh-CN"}" font-family="{_FONT}">',
            f"<title>{escape(title)}</title>",
            "<defs>",
            *(
                f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
                f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
                for name, colour in (("head", _QUIET), ("good", _GOOD))
            ),
            "</defs>",
            f'<rect x="1" y="1" width="{width - 2}" height="{height - 2}" rx="10" fill="{_GROUND}" stroke="#d0d7de"/>',
            *parts,
            "</svg>",
        )
    )
    return "\n".join(lines) + "\n"


def _box(x: float, y: float, name: str, does: str, colour: str, height: float = _BOX_H) -> str:
    middle = x + _BOX_W / 2
    return (
        f'<rect x="{x}" y="{y}" width="{_BOX_W}" height="{height}" rx="7" fill="#fff" stroke="{colour}" '
        'stroke-width="1.5"/>'
        + _text(middle, y + height / 2 - 4, name, colour, 15)
        + _text(middle, y + height / 2 + 15, does, _QUIET, 12)
    )


def _text(x: float, y: float, said: str, colour: str, size: int) -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" font-size="{size}" text-anchor="middle">{escape(said)}</text>'


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" stroke="{_QUIET}" stroke-width="1.5" marker-end="url(#head)"/>'
