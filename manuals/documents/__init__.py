"""Reads documents: PDF, Word, HTML, Markdown and plain text as blocks with headings and pages."""
