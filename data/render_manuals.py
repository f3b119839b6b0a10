"""Render the shipped manuals as documents: `python data/render_manuals.py build/manuals`.

Each manual of `data/manuals/` becomes `DOMAIN/DOMAIN.md`, `.docx` or `.pdf` as a maintenance team
has them: sections by their numbers, steps as lists, a fault table and a list of fault codes that
refer to the sections, and the terms of the workshop. The queries of the data set are not in them.
The same sources give the same files, byte for byte, with the same versions of the packages.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import yaml
from make_pairs import MANUALS, Manual, read_manual

import nic_commands  # noqa: F401  Imported first: `data/manuals` does not hide the room.
from manuals.documents.blocks import Block, Heading, Items, Table, Text

WRITTEN = datetime(2025, 1, 1, tzinfo=timezone.utc)
_STEPS = re.compile(r"(?<!\S)(\d)\. (?=[A-Z])")
_SYMPTOM = re.compile(r"Symptom: (.+?)(?:[.;] |\.$)")
_CODE = re.compile(
    r"\b(?:[Cc]odes?|[Ff]ault|[Mm]essage) ((?:0x[0-9A-F]{4}|[A-Z]\d{2,4}[A-Z]?|\d[A-F])\b)"
)


def blocks_of(manual: Manual, machine: str) -> Iterator[Block]:
    """Yields a manual as blocks: its sections, then what helps to find them."""
    yield Heading(f"{machine.split(',')[0]}: maintenance manual", 1)
    yield Text(f"This manual is for the {machine}.")
    for passage in manual.passages:
        yield Heading(passage.section, 2)
        yield from section(passage.text)
    yield Heading("Troubleshooting", 2)
    yield Text("Look for the symptom, then work through the section.")
    yield Table(("Symptom", "Remedy"), tuple(symptoms(manual)))
    if found := tuple(codes(manual)):
        yield Heading("Fault codes", 2)
        yield Table(("Fault code", "Meaning", "Remedy"), found)
    yield Heading("Terms of the workshop", 2)
    yield Table(("Term", "Meaning"), tuple(manual.glossary.items()))


def section(text: str) -> Iterator[Block]:
    """Yields the text of a section: a paragraph, and a list where it numbers three steps."""
    marks = list(_STEPS.finditer(text))
    if [int(mark.group(1)) for mark in marks] != list(range(1, len(marks) + 1)) or len(marks) < 3:
        yield Text(text)
        return
    if lead := text[: marks[0].start()].strip():
        yield Text(lead)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    steps = (text[m.end() : end].strip() for m, end in zip(marks, ends, strict=True))
    yield Items(tuple(steps), numbered=True)


def symptoms(manual: Manual) -> Iterator[tuple[str, str]]:
    """Yields the rows of the fault table: what a section names as its symptom, and the section."""
    for passage in manual.passages:
        if match := _SYMPTOM.search(passage.text):
            symptom = match.group(1)
            yield symptom[0].upper() + symptom[1:], f"See section {passage.section.split()[0]}."


def codes(manual: Manual) -> Iterator[tuple[str, str, str]]:
    """Yields the rows of the list of codes, each with the title of the first section on it."""
    seen = set()
    for passage in manual.passages:
        for code in _CODE.findall(passage.text):
            if code not in seen:
                seen.add(code)
                number, title = passage.section.split(maxsplit=1)
                yield code, title, f"See section {number}."


def write_markdown(blocks: list[Block], path: Path) -> None:
    """Writes a manual as Markdown."""
    parts = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append(f"{'#' * block.level} {block.text}")
        elif isinstance(block, Table):
            rows = [block.header, ("---",) * len(block.header), *block.rows]
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
        else:
            parts.append("\n".join(block.parts()))
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8", newline="\n")


def write_word(blocks: list[Block], path: Path) -> None:
    """Writes a manual as a Word document with a running header."""
    import docx

    document = docx.Document()
    document.core_properties.created = document.core_properties.modified = WRITTEN
    document.sections[0].header.paragraphs[0].text = path.stem
    for block in blocks:
        if isinstance(block, Heading):
            document.add_heading(block.text, block.level)
        elif isinstance(block, Table):
            table = document.add_table(0, len(block.header))
            for row in (block.header, *block.rows):
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif isinstance(block, Items):
            for item in block.items:
                document.add_paragraph(item, "List Number")
        else:
            document.add_paragraph(" ".join(block.parts()))
    content = io.BytesIO()
    document.save(content)
    path.write_bytes(without_times(content))


def without_times(archive: io.BytesIO) -> bytes:
    """Returns a zip archive whose files carry no time of writing."""
    written = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(written, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name)
            target.writestr(entry, source.read(name), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def write_pdf(blocks: list[Block], path: Path) -> None:
    """Writes a manual as PDF with a running header, page numbers, bookmarks and ruled tables."""
    import matplotlib
    from fpdf import FPDF

    class Pages(FPDF):
        def header(self) -> None:
            self.set_font("DejaVu", size=8)
            self.cell(text=path.stem, new_x="LMARGIN", new_y="NEXT")
            self.ln(4)

        def footer(self) -> None:
            self.set_y(-15)
            self.set_font("DejaVu", size=8)
            self.cell(text=f"{self.page_no()}", w=0, align="C")

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf = Pages()
    pdf.set_creation_date(WRITTEN)
    pdf.add_font("DejaVu", fname=fonts / "DejaVuSans.ttf")
    pdf.add_font("DejaVu", "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    for block in blocks:
        if isinstance(block, Heading):
            pdf.start_section(block.text, block.level - 1)
            pdf.set_font("DejaVu", "B", 18 - 3 * block.level)
            pdf.multi_cell(0, text=block.text, new_x="LMARGIN", new_y="NEXT")
            pdf.ln(2)
            continue
        pdf.set_font("DejaVu", size=10)
        if isinstance(block, Table):
            with pdf.table() as table:
                for row in (block.header, *block.rows):
                    table.row(row)
        else:
            for part in [" ".join(block.parts())] if isinstance(block, Text) else block.parts():
                pdf.multi_cell(0, text=part, new_x="LMARGIN", new_y="NEXT", align="L")
        pdf.ln(4)
    pdf.output(str(path))


WRITERS: dict[str, Callable[[list[Block], Path], None]] = {
    ".docx": write_word,
    ".md": write_markdown,
    ".pdf": write_pdf,
}
FORMATS = {
    "electronics": ".md",
    "forklift": ".docx",
    "hvac": ".docx",
    "radar": ".md",
    "vehicle": ".pdf",
    "vehicle_civilian": ".pdf",
}


def render(folder: Path) -> list[Path]:
    """Writes all manuals into a folder, each in a folder named for its domain.

    Returns:
        The documents.
    """
    written = []
    for source in sorted(MANUALS.glob("*.yaml")):
        manual = read_manual(source)
        machine = yaml.safe_load(source.read_text(encoding="utf-8"))["machine"]
        suffix = FORMATS[manual.domain]
        path = folder / manual.domain / f"{manual.domain}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[suffix](list(blocks_of(manual, machine)), path)
        written.append(path)
    return written


def main() -> None:
    """Writes all manuals and names them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="folder to write the manuals to")
    for path in render(parser.parse_args().folder):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
