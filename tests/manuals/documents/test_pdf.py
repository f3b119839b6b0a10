from pathlib import Path

import pytest
from fpdf import FPDF
from fpdf.enums import EncryptionMethod
from manual_files import new_pdf

from manuals.documents.blocks import Block, Caption, Heading, Items, Table, Text
from manuals.documents.pdf import read_pdf
from manuals.documents.unreadable import Unreadable

PROSE = "The pump moves oil from the tank to the valve. It is lubricated by the oil itself. " * 4
PARTS = ("gearbox", "cooler", "relay")


def read(path: Path) -> tuple[tuple[Block, ...], int | None, int]:
    content = read_pdf(path)
    return content.blocks, content.pages, content.pages_without_text


@pytest.mark.parametrize("bookmarks", [True, False], ids=["bookmarks", "fonts"])
def test_headings_come_from_bookmarks_or_from_fonts(tmp_path: Path, bookmarks: bool) -> None:
    pdf = new_pdf()
    pdf.heading("3 Hydraulics", 1, bookmarks)
    pdf.paragraph(PROSE)
    pdf.heading("3.1 Bleeding the pump", 2, bookmarks)
    pdf.paragraph("1. Open the valve.\n2. Wait ten seconds.\n3. Close the valve.")
    pdf.paragraph("Figure 2: The bleed valve")
    pdf.output(str(tmp_path / "m.pdf"))
    blocks, pages, empty = read(tmp_path / "m.pdf")
    assert (pages, empty) == (1, 0)
    assert blocks == (
        Heading("3 Hydraulics", 1, 1),
        Text(PROSE.strip(), 1),
        Heading("3.1 Bleeding the pump", 2, 1),
        Items(("Open the valve.", "Wait ten seconds.", "Close the valve."), numbered=True, page=1),
        Caption("Figure 2: The bleed valve", 1),
    )


def test_running_headers_page_numbers_and_contents_are_left_out(tmp_path: Path) -> None:
    pdf = new_pdf(running=True)
    pdf.paragraph("1 Pump ................ 2\n2 Valve ............... 3")
    texts = [f"The {part} is mended by hand. " + PROSE.replace("pump", part) for part in PARTS]
    for text in texts:
        pdf.add_page()
        pdf.paragraph(text)
    pdf.output(str(tmp_path / "m.pdf"))
    blocks, *_ = read(tmp_path / "m.pdf")
    assert [block.text for block in blocks if isinstance(block, Text)] == [
        text.strip() for text in texts
    ]
    assert [block.page for block in blocks] == [2, 3, 4]


def test_a_table_that_goes_on_over_pages_is_one_table(tmp_path: Path) -> None:
    pdf = new_pdf()
    rows = [("Symptom", "Remedy"), *((f"Fault {n} is seen", f"Mend part {n}.") for n in range(60))]
    pdf.ruled_table(rows)
    pdf.output(str(tmp_path / "m.pdf"))
    blocks, pages, _ = read(tmp_path / "m.pdf")
    assert pages and pages > 1
    assert blocks == (Table(rows[0], tuple(rows[1:]), 1),)


def test_a_cell_over_rows_is_repeated(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.set_font("helvetica", size=10)
    with pdf.table() as table:
        table.row(("Symptom", "Cause", "Remedy"))
        row = table.row()
        row.cell("Fan dead", rowspan=2)
        row.cell("Fuse")
        row.cell("Replace it.")
        table.row(("Motor", "Rewind it."))
    pdf.output(str(tmp_path / "m.pdf"))
    (found,), *_ = read(tmp_path / "m.pdf")
    assert isinstance(found, Table)
    assert found.rows == (("Fan dead", "Fuse", "Replace it."), ("Fan dead", "Motor", "Rewind it."))


def test_a_paragraph_goes_on_over_the_end_of_a_page(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.paragraph(PROSE + "It must never be")
    pdf.add_page()
    pdf.paragraph("run without oil. " + PROSE)
    pdf.output(str(tmp_path / "m.pdf"))
    (text,), *_ = read(tmp_path / "m.pdf")
    assert isinstance(text, Text)
    assert "It must never be run without oil." in text.text


def test_an_encrypted_document_says_so(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.paragraph(PROSE)
    pdf.set_encryption("owner", "user", EncryptionMethod.RC4)
    pdf.output(str(tmp_path / "m.pdf"))
    with pytest.raises(Unreadable, match="is encrypted; save a copy without its password"):
        read_pdf(tmp_path / "m.pdf")


def test_a_scanned_document_says_that_it_holds_no_text(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.rect(20, 20, 100, 100, "F")
    pdf.output(str(tmp_path / "m.pdf"))
    with pytest.raises(Unreadable, match="holds no text; if it is scanned, let an OCR"):
        read_pdf(tmp_path / "m.pdf")


def test_a_page_without_text_among_others_is_counted(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.add_page()
    pdf.set_font("helvetica", size=10)
    pdf.multi_cell(0, text=PROSE)
    pdf.output(str(tmp_path / "m.pdf"))
    _, pages, empty = read(tmp_path / "m.pdf")
    assert (pages, empty) == (2, 1)
