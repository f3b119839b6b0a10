"""Writes small PDF and Word manuals for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docx
from fpdf import FPDF


class ManualPdf(FPDF):
    """A PDF as manuals are, with a running header and page numbers if asked for."""

    running = False

    def header(self) -> None:
        """Write the running header."""
        if not self.running:
            return
        self.set_font("helvetica", size=8)
        self.cell(text="Model KR-140 Service manual", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def footer(self) -> None:
        """Write the page number."""
        if not self.running:
            return
        self.set_y(-15)
        self.set_font("helvetica", size=8)
        self.cell(text=f"{self.page_no()}", w=0, align="C")

    def heading(self, text: str, level: int = 1, bookmark: bool = False) -> None:
        """Write a heading in larger bold letters."""
        if bookmark:
            self.start_section(text, level - 1)
        self.set_font("helvetica", "B", 18 - 2 * level)
        self.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT")
        self.ln(3)

    def paragraph(self, text: str) -> None:
        """Write a paragraph; line breaks in it stay."""
        self.set_font("helvetica", size=10)
        self.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT", align="L")
        self.ln(4)

    def ruled_table(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write a table with rules."""
        self.set_font("helvetica", size=10)
        with self.table() as table:
            for row in rows:
                table.row(row)
        self.ln(4)


def new_pdf(running: bool = False) -> ManualPdf:
    """An empty PDF with its first page, with a running header and footer or without."""
    pdf = ManualPdf()
    pdf.running = running
    pdf.add_page()
    return pdf


def write_word(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write a Word document with a header, a table, a procedure and a list of terms."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Model KR-140 Service manual"
    document.add_heading("Service manual", 0)
    document.add_heading("3 Faults", 1)
    table = document.add_table(0, len(rows[0]))
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_heading("4.2 Bleeding the pump", 2)
    for step in ("Open the valve.", "Wait ten seconds.", "Close the valve again."):
        document.add_paragraph(step, "List Number")
    document.add_paragraph("Figure 1: Pump with its bleed valve", "Caption")
    document.save(str(path))
    return path
